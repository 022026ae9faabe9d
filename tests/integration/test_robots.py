"""Robot accounts through the management API: how they are made and listed."""

import threading
from typing import Any

import httpx
import pytest

from app.context import Ports
from tests.integration.conftest import AsRobot, Caller
from tests.support.clock import MovableClock
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot, robot_body

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PULL = entry("private", "repository:pull")
PUSH = entry("private", "repository:pull", "repository:push")
DAY = 86_400


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [robot["name"] for robot in response.json()]


class TestCreate:
    def test_a_system_robot(self, admin: httpx.Client, clock: MovableClock) -> None:
        body = robot_body("ci", entry("/", "catalog:read"), PUSH, entry("*", "repository:pull"), description="builds")
        made = admin.post("/robots", json=body | {"duration": 7})
        assert made.status_code == 201
        created = made.json()
        assert made.headers["Location"] == f"/api/v2.0/robots/{created['id']}"
        assert made.headers["Cache-Control"] == "no-store"
        assert created.keys() == {"id", "name", "secret", "creation_time", "expires_at"}
        assert created["name"] == "robot$ci"
        assert len(created["secret"]) == 32
        assert abs(created["expires_at"] - clock.now().timestamp() - 7 * DAY) < 5
        robot = admin.get(f"/robots/{created['id']}").json()
        assert robot.pop("creation_time") == robot.pop("update_time") == created["creation_time"]
        assert robot == {
            "id": created["id"],
            "name": "robot$ci",
            "description": "builds",
            "level": "system",
            "duration": 7,
            "editable": True,
            "disable": False,
            "expires_at": created["expires_at"],
            "permissions": [
                {
                    "kind": "system",
                    "namespace": "/",
                    "access": [{"resource": "catalog", "action": "read", "effect": "allow"}],
                },
                {
                    "kind": "project",
                    "namespace": "private",
                    "access": [
                        {"resource": "repository", "action": "pull", "effect": "allow"},
                        {"resource": "repository", "action": "push", "effect": "allow"},
                    ],
                },
                {
                    "kind": "project",
                    "namespace": "*",
                    "access": [{"resource": "repository", "action": "pull", "effect": "allow"}],
                },
            ],
            "creator_type": "local",
            "creator_ref": 1,
        }

    def test_a_projects_robot(self, caller: Caller) -> None:
        robot = make_robot(caller("master"), "ci", PUSH, level="project")
        assert robot.name == "robot$private+ci"
        shown = caller("guest").get(f"/robots/{robot.id}").json()
        assert (shown["level"], shown["expires_at"], shown["duration"]) == ("project", -1, -1)
        assert make_robot(caller("admin"), "ci", PUSH).name == "robot$ci"

    @ONE
    @pytest.mark.parametrize("given", [{}, {"duration": 0}, {"duration": None}])
    def test_the_duration_has_to_be_said(self, admin: httpx.Client, given: dict[str, object]) -> None:
        body = {key: value for key, value in robot_body("ci", PULL).items() if key != "duration"} | given
        refused = admin.post("/robots", json=body)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "BAD_REQUEST")
        assert "duration" in refused.json()["errors"][0]["message"]

    @ONE
    def test_the_longest_name_logs_in(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        robot = make_robot(admin, "a" * 249, PULL)
        assert as_robot(robot).get("/users/current").status_code == 412

    def test_the_longest_duration(self, admin: httpx.Client) -> None:
        robot = make_robot(admin, "ci", PULL, duration=2**31 - 2)
        assert admin.get(f"/robots/{robot.id}").json()["expires_at"] > 10**14

    @ONE
    @pytest.mark.parametrize(
        "change",
        [
            {"name": name}
            for name in (
                "",
                "Upper",
                "a+b",
                "a b",
                "-a",
                "a..b",
                "robot$a",
                "ä",
                "a" * 250,
                "a" * 70_000,
                "a/b",
                "a\n",
                "*",
            )
        ]
        + [{"duration": days} for days in (-2, 2**31 - 1, 2**62)]
        + [{"level": level} for level in ("", "Project", "tenant")]
        + [{"description": "x" * 1025}]
        + [
            {"permissions": permissions}
            for permissions in (
                [],
                None,
                [entry("private")],
                [entry("/", "repository:push")],
                [entry("private", "catalog:read")],
                [entry("private", "repository:fly")],
                [entry("private", "robot:update")],
                [entry("", "repository:pull")],
                [PULL | {"kind": ""}],
                [PULL | {"kind": "system"}],
                [PULL | {"namespace": "/"}],
                [entry("private") | {"access": [{"resource": "repository", "action": "pull", "effect": "deny"}]}],
                [PULL, {}],
            )
        ],
    )
    def test_what_breaks_a_rule(self, admin: httpx.Client, change: dict[str, object]) -> None:
        assert code_of(admin.post("/robots", json=robot_body("ci", PULL) | change)) == (400, "BAD_REQUEST")
        assert names(admin.get("/robots")) == []

    @ONE
    def test_the_entry_that_is_wrong_is_named(self, admin: httpx.Client) -> None:
        refused = admin.post("/robots", json=robot_body("ci", PULL, entry("public", "robot:update")))
        assert "'robot:update' cannot be granted to a robot in namespace 'public'" in refused.text

    @ONE
    @pytest.mark.parametrize(
        "entries",
        [[PULL, entry("public", "repository:pull")], [entry("*", "repository:pull")], [entry("/", "catalog:read")]],
    )
    def test_a_projects_robot_has_one_entry_for_it(self, admin: httpx.Client, entries: list[dict[str, Any]]) -> None:
        assert admin.post("/robots", json=robot_body("ci", *entries, level="project")).status_code == 400

    @ONE
    @pytest.mark.parametrize(
        "body",
        [
            [],
            "x",
            {"name": 3},
            {"permissions": {}},
            {"permissions": [3]},
            {"duration": "long"},
            robot_body("ci", PULL, description="\0"),
            robot_body("ci", PULL) | {"duration": 2**63},
        ],
    )
    def test_unlike_bodies(self, admin: httpx.Client, body: object) -> None:
        assert admin.post("/robots", json=body).status_code == 422

    def test_a_project_that_does_not_exist(self, caller: Caller) -> None:
        missing = entry("nothing", "repository:pull")
        assert code_of(caller("admin").post("/robots", json=robot_body("ci", missing))) == (404, "NOT_FOUND")
        for who, status in ((None, 401), ("master", 403), ("admin", 404)):
            body = robot_body("ci", missing, level="project")
            assert caller(who).post("/robots", json=body).status_code == status
        assert names(caller("admin").get("/robots")) == []

    def test_a_taken_name(self, admin: httpx.Client) -> None:
        make_robot(admin, "ci", PULL)
        make_robot(admin, "ci", PULL, level="project")
        for level in ("system", "project"):
            assert code_of(admin.post("/robots", json=robot_body("ci", PULL, level=level))) == (409, "CONFLICT")

    def test_two_of_one_name_at_once(self, caller: Caller) -> None:
        answers: list[int] = []
        gate = threading.Barrier(4)

        def make() -> None:
            client = caller("admin")
            client.get("/robots")
            gate.wait()
            answers.append(client.post("/robots", json=robot_body("ci", PULL)).status_code)

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [201, 409, 409, 409]


class TestLists:
    @pytest.fixture
    def robots(self, caller: Caller) -> None:
        admin = caller("admin")
        for name in ("b", "a", "c"):
            make_robot(admin, name, PULL, disable=name == "c")
        make_robot(admin, "p", PULL, level="project")

    @pytest.mark.usefixtures("robots")
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", "abc"),
            ("q=Level%3Dsystem", "abc"),
            ("q=ProjectID%3D1", "abc"),
            ("q=name%3Da", "a"),
            ("q=name%3Drobot%24a", "a"),
            ("q=name%3D~B", "b"),
            ("q=disabled%3Dtrue", "c"),
            ("q=disable%3Dfalse", "ab"),
            ("q=unknown%3D1", "abc"),
            ("sort=-name", "cba"),
            ("sort=-id", "cab"),
            ("page_size=1&page=2", "b"),
            ("page_size=0", "abc"),
        ],
    )
    def test_of_the_system(self, admin: httpx.Client, query: str, expected: str) -> None:
        found = admin.get(f"/robots?{query}")
        assert names(found) == [f"robot${name}" for name in expected]

    @pytest.mark.usefixtures("robots")
    def test_of_a_project(self, caller: Caller) -> None:
        project = caller("admin").get("/projects/private").json()["project_id"]
        query = f"/robots?q=Level%3Dproject,ProjectID%3D{project}"
        for who, status in (("guest", 200), ("limited", 403), ("stranger", 403), (None, 401), ("admin", 200)):
            assert caller(who).get(query).status_code == status
        page = caller("guest").get(query)
        assert (names(page), page.headers["X-Total-Count"]) == (["robot$private+p"], "1")
        assert caller("guest").get("/robots").status_code == 403
        assert caller("admin").get("/robots?q=Level%3Dproject,ProjectID%3D777").status_code == 404

    @ONE
    @pytest.mark.parametrize(
        "query",
        [
            "Level=project",
            "Level=tenant",
            "Level=~system",
            "Level={system project}",
            "Level=project,ProjectID=private",
            "Level=project,ProjectID=~1",
            "Level=project,ProjectID=[1~2]",
            "Level=project,ProjectID=-1",
            "Level=project,ProjectID=9999999999999999999",
            "Level=project,ProjectID=" + "9" * 5000,
            "disabled=perhaps",
            "nonsense",
        ],
    )
    def test_queries_that_make_no_sense(self, admin: httpx.Client, query: str) -> None:
        assert admin.get("/robots", params={"q": query}).status_code == 400

    def test_a_list_costs_the_same_whatever_its_length(self, admin: httpx.Client, ports: Ports) -> None:
        make_robot(admin, "r", PULL)
        admin.get("/robots")
        with counted_statements(ports.db) as few:
            admin.get("/robots?page_size=100")
        for number in range(20):
            make_robot(admin, f"r{number}", PULL, entry("*", "tag:list"))
        with counted_statements(ports.db) as many:
            assert len(admin.get("/robots?page_size=100").json()) == 21
        assert len(many) == len(few) <= 5

    def test_robots_that_have_run_out(self, admin: httpx.Client, clock: MovableClock) -> None:
        robot = make_robot(admin, "ci", PULL, duration=1)
        clock.forward(DAY - 5)
        asked = {"with_extensions": "true"}
        assert admin.get(f"/robots/{robot.id}", params=asked).json()["expired"] is False
        clock.forward(5)
        (listed,) = admin.get("/robots", params=asked).json()
        assert listed["expired"] is True
