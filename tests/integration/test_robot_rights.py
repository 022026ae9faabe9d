"""Who may make, see, change and end robots, and that nobody grants more than they hold."""

from typing import Any

import httpx
import pytest

from app.access.table import ROBOT_PROJECT, ROBOT_SYSTEM
from tests.integration.conftest import AsRobot, Caller
from tests.support.people import People
from tests.support.robots import MadeRobot, entry, make_robot, robot_body

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PULL = entry("private", "repository:pull")
MAKER = entry("/", "robot:create", "robot:read", "robot:list", "robot:delete", "catalog:read")
PEOPLE = (None, "stranger", "limited", "guest", "developer", "maintainer", "master", "admin")


def whole(namespace: str, table: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    return entry(namespace, *(f"{resource}:{action}" for resource, actions in table.items() for action in actions))


def make(client: httpx.Client, *entries: dict[str, Any], level: str = "system", name: str = "made") -> int:
    answer = client.post("/robots", json=robot_body(name, *entries, level=level))
    if answer.status_code == 201:
        assert client.delete(f"/robots/{answer.json()['id']}").status_code in (200, 403)
    return answer.status_code


class TestPeople:
    def test_a_systems_robot_is_the_administrators(self, caller: Caller) -> None:
        answers = [make(caller(who), PULL) for who in PEOPLE]
        assert answers == [401, 403, 403, 403, 403, 403, 403, 201]
        robot = make_robot(caller("admin"), "ci", PULL)
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            body = robot_body("robot$ci", PULL)
            sent = [caller(who).request(method, f"/robots/{robot.id}", json=body).status_code for who in PEOPLE]
            assert sent == [401, 403, 403, 403, 403, 403, 403, 200]

    def test_a_projects_robot_is_its_administrators_and_members_read_it(self, caller: Caller) -> None:
        answers = [make(caller(who), PULL, level="project") for who in PEOPLE]
        assert answers == [401, 403, 403, 403, 403, 403, 201, 201]
        robot = make_robot(caller("master"), "ci", PULL, level="project")
        read = [caller(who).get(f"/robots/{robot.id}").status_code for who in PEOPLE]
        assert read == [401, 403, 403, 200, 200, 200, 200, 200]
        body = robot_body("robot$private+ci", PULL, level="project")
        for method in ("PUT", "PATCH"):
            sent = [caller(who).request(method, f"/robots/{robot.id}", json=body).status_code for who in PEOPLE]
            assert sent == [401, 403, 403, 403, 403, 403, 200, 200]
        sent = [caller(who).delete(f"/robots/{robot.id}").status_code for who in PEOPLE]
        assert sent == [401, 403, 403, 403, 403, 403, 200, 404]

    @ONE
    @pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
    @pytest.mark.parametrize("robot", ["0", "777", "9223372036854775807"])
    def test_a_robot_that_is_not_there(self, caller: Caller, method: str, robot: str) -> None:
        for who, status in ((None, 401), ("stranger", 404), ("admin", 404)):
            body = robot_body("robot$ci", PULL)
            assert caller(who).request(method, f"/robots/{robot}", json=body).status_code == status

    def test_administrators_grant_everything_that_can_be_granted(self, caller: Caller) -> None:
        entries = [whole("/", ROBOT_SYSTEM), whole("private", ROBOT_PROJECT), whole("*", ROBOT_PROJECT)]
        robot = make_robot(caller("admin"), "all", *entries)
        shown = caller("admin").get(f"/robots/{robot.id}").json()["permissions"]
        assert [len(each["access"]) for each in shown] == [70, 70, 70]
        assert make(caller("master"), whole("private", ROBOT_PROJECT), level="project") == 201

    def test_nobody_reaches_into_another_project(self, caller: Caller) -> None:
        assert caller("stranger").post("/projects", json={"project_name": "own"}).status_code == 201
        own, other = entry("own", "repository:pull"), PULL
        assert make(caller("stranger"), own, level="project") == 201
        assert make(caller("stranger"), other, level="project") == 403
        robot = make_robot(caller("stranger"), "ci", own, level="project")
        body = caller("stranger").get(f"/robots/{robot.id}").json() | {"permissions": [other]}
        assert caller("stranger").put(f"/robots/{robot.id}", json=body).status_code == 400


class TestRobotsThatMakeRobots:
    def _maker(
        self, admin: httpx.Client, as_robot: AsRobot, *entries: dict[str, Any], level: str = "system"
    ) -> httpx.Client:
        return as_robot(make_robot(admin, "maker", *entries, level=level))

    def test_equal_or_narrower_grants(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        held = [MAKER, entry("private", "repository:push", "tag:list"), entry("*", "scan:read")]
        maker = self._maker(admin, as_robot, *held)
        for narrower in (
            held,
            [PULL],
            [entry("/", "robot:create")],
            [entry("public", "scan:read")],
            [entry("*", "scan:read")],
        ):
            assert make(maker, *narrower) == 201
        for wider in (
            [entry("private", "repository:delete")],
            [entry("public", "repository:pull")],
            [entry("*", "tag:list")],
            [entry("/", "user:create")],
            [entry("missing", "repository:pull")],
            [PULL, entry("private", "tag:delete")],
        ):
            refused = maker.post("/robots", json=robot_body("wider", *wider))
            assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "DENIED")
        assert make(maker, entry("missing", "scan:read")) == 404

    def test_what_everybody_may_on_a_public_project_cannot_be_handed_on(
        self, admin: httpx.Client, as_robot: AsRobot
    ) -> None:
        maker = self._maker(admin, as_robot, MAKER)
        assert make(maker, entry("public", "repository:pull")) == 403

    def test_the_maker_is_named(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        robot = make_robot(admin, "maker", MAKER, PULL)
        child = make_robot(as_robot(robot), "child", PULL)
        shown = as_robot(robot).get(f"/robots/{child.id}").json()
        assert (shown["creator_type"], shown["creator_ref"]) == ("robot", robot.id)

    def test_a_projects_robot_makes_robots_of_its_project_only(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        held = entry("private", "robot:create", "robot:list", "robot:read", "robot:delete", "repository:pull")
        maker = self._maker(admin, as_robot, held, level="project")
        assert make(maker, PULL, level="project") == 201
        assert make(maker, PULL) == 403
        assert make(maker, entry("public", "repository:pull"), level="project") == 403
        assert make(maker, entry("private", "repository:push"), level="project") == 403
        project = admin.get("/projects/private").json()["project_id"]
        listed = maker.get(f"/robots?q=Level%3Dproject,ProjectID%3D{project}")
        assert [each["name"] for each in listed.json()] == ["robot$private+maker"]
        assert maker.get("/robots").status_code == 403

    def test_no_robot_changes_robots(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        maker = make_robot(admin, "maker", whole("/", ROBOT_SYSTEM), whole("*", ROBOT_PROJECT))
        robot = make_robot(admin, "ci", PULL)
        own = make_robot(admin, "ci", PULL, level="project")
        for other in (robot, own):
            body = as_robot(maker).get(f"/robots/{other.id}").json()
            assert as_robot(maker).put(f"/robots/{other.id}", json=body).status_code == 403
            assert as_robot(maker).patch(f"/robots/{other.id}", json={}).status_code == 403
            assert as_robot(maker).delete(f"/robots/{other.id}").status_code == 200
        body = as_robot(maker).get(f"/robots/{maker.id}").json()
        assert as_robot(maker).put(f"/robots/{maker.id}", json=body).status_code == 403


class TestGrantable:
    def test_both_tables_whole_for_administrators(self, caller: Caller) -> None:
        answers = [caller(who).get("/permissions") for who in PEOPLE]
        assert [answer.status_code for answer in answers] == [401, 403, 403, 403, 403, 403, 200, 200]
        body = answers[-1].json()
        assert body == answers[-2].json()
        for name, table in (("system", ROBOT_SYSTEM), ("project", ROBOT_PROJECT)):
            rows = [(row["resource"], row["action"]) for row in body[name]]
            assert rows == [(resource, action) for resource, actions in table.items() for action in actions]
            assert len(rows) == 70

    @ONE
    def test_robots_may_not_ask(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        robot = make_robot(admin, "ci", whole("/", ROBOT_SYSTEM))
        assert as_robot(robot).get("/permissions").status_code == 403


class TestWhatRobotsDo:
    """Robots at the rest of the management API: the one decision function holds there too."""

    def test_by_their_grants(self, admin: httpx.Client, as_robot: AsRobot, people: People) -> None:
        def call(robot: MadeRobot, method: str, path: str, **body: object) -> int:
            return as_robot(robot).request(method, path, json=body or None).status_code

        plain = make_robot(admin, "plain", PULL)
        reader = make_robot(admin, "reader", entry("private", "project:read", "member:list", "repository:list"))
        maker = make_robot(admin, "maker", entry("/", "project:create"))
        assert call(plain, "GET", "/users/current") == 412
        assert [call(plain, "GET", path) for path in ("/projects/private", "/projects/public")] == [403, 200]
        assert call(reader, "GET", "/projects/private") == 200
        assert call(reader, "GET", "/projects/private/repositories") == 200
        assert call(reader, "DELETE", "/projects/private") == 403
        assert call(reader, "POST", "/projects", project_name="new") == 403
        assert call(maker, "POST", "/projects", project_name="new") == 201
