"""What ended and has its name again: nothing of the one before holds for the one after."""

from dataclasses import replace

import httpx
import pytest
from flask import Flask

from app.access.roles import Role
from app.context import Ports
from tests.integration.conftest import AsRobot, Caller
from tests.support.accounts import PASSWORD
from tests.support.browser import Browser
from tests.support.clock import MovableClock
from tests.support.members import MEMBERS, make_group, refusal
from tests.support.people import People
from tests.support.robots import change_robot, entry, granted, make_robot, may

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NEW = "Another12345"
CONTENT = ("repository:pull", "repository:push", "repository:delete")


def token(client: httpx.Client, project: str, auth: tuple[str, str] | None) -> dict[str, str]:
    """The header of a token for the project's repository, which does not outlive this test."""
    scope = {"service": "harbor-registry", "scope": f"repository:{project}/image:pull,push,delete"}
    answer = client.get("/service/token", params=scope, auth=auth)
    assert granted(answer)
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def again(admin: httpx.Client, name: str, *, public: bool = False) -> None:
    """Delete the project if it is there, and make it."""
    admin.delete(f"/projects/{name}")
    body = {"project_name": name, "metadata": {"public": str(public).lower()}}
    assert admin.post("/projects", json=body).status_code == 201


@pytest.mark.parametrize("seconds", [0, 5.1])
def test_tokens_of_people_for_the_project_before(
    client: httpx.Client, caller: Caller, people: People, clock: MovableClock, seconds: float
) -> None:
    again(caller("admin"), "short", public=True)
    member = {"role_id": Role.MAINTAINER, "member_user": {"user_id": people["stranger"].id}}
    assert caller("admin").post("/projects/short/members", json=member).status_code == 201
    members, nobodys = token(client, "short", people["stranger"].credentials), token(client, "short", None)
    again(caller("admin"), "short")
    clock.forward(seconds)
    for header in (members, nobodys) if seconds else (nobodys,):
        assert may(client, "short", headers=header) == set()
    assert may(client, "short", auth=people["stranger"].credentials) == set()
    assert caller("stranger").get("/projects/short").status_code == 403


def test_robots_of_the_project_before(
    client: httpx.Client, admin: httpx.Client, as_robot: AsRobot, clock: MovableClock
) -> None:
    again(admin, "short")
    own = make_robot(admin, "own", entry("short", *CONTENT), level="project")
    systems = make_robot(admin, "systems", entry("short", *CONTENT), entry("private", "repository:pull"))
    tokens = [token(client, "short", robot.credentials) for robot in (own, systems)]
    again(admin, "short")
    clock.forward(5.1)
    for header in tokens:
        assert may(client, "short", headers=header) == set()
    for robot in (own, systems):
        assert may(client, "short", auth=robot.credentials) == set()
    assert admin.get(f"/robots/{own.id}").status_code == 404
    assert [each["namespace"] for each in admin.get(f"/robots/{systems.id}").json()["permissions"]] == ["private"]
    assert as_robot(systems).get("/projects/short").status_code == 403
    assert may(client, "private", auth=systems.credentials) == {"pull"}


@pytest.mark.parametrize("level", ["system", "project"])
def test_a_robot(client: httpx.Client, admin: httpx.Client, clock: MovableClock, level: str) -> None:
    robot = make_robot(admin, "ci", entry("private", *CONTENT), level=level)
    header = token(client, "private", robot.credentials)
    assert may(client, "private", headers=header)
    assert admin.delete(f"/robots/{robot.id}").status_code == 200
    second = make_robot(admin, "ci", entry("private", *CONTENT), level=level)
    assert (second.name, second.id > robot.id) == (robot.name, True)
    clock.forward(5.1)
    assert may(client, "private", headers=header) == set()
    assert may(client, "private", auth=robot.credentials) == set()
    assert may(client, "private", auth=second.credentials) == {"pull", "push", "delete"}


def test_a_user(app: Flask, client: httpx.Client, caller: Caller, people: People, clock: MovableClock) -> None:
    before, browser = people["master"], Browser(app).logged_in("master")
    header = token(client, "private", before.credentials)
    assert caller("admin").delete(f"/users/{before.id}").status_code == 200
    body = {"username": "master", "password": NEW, "email": "master@example.test", "realname": "M"}
    assert caller("admin").post("/users", json=body).status_code == 201
    clock.forward(5.1)
    assert browser.who() is None
    assert may(client, "private", headers=header) == set()
    assert may(client, "private", auth=(before.name, PASSWORD)) == set()
    assert may(client, "private", auth=(before.name, NEW)) == set()
    assert client.get("/api/v2.0/projects/private", auth=(before.name, NEW)).status_code == 403
    assert "master" not in [member["entity_name"] for member in caller("admin").get(MEMBERS).json()]


def test_a_group(admin: httpx.Client, caller: Caller, people: People, ports: Ports) -> None:
    group = make_group(ports, "few", people["stranger"].id)
    body = {"role_id": Role.DEVELOPER, "member_group": {"id": group}}
    assert admin.post(MEMBERS, json=body).status_code == 201
    assert caller("stranger").get("/projects/private").status_code == 200
    assert admin.delete(f"/usergroups/{group}").status_code == 200
    second = make_group(ports, "few", people["stranger"].id)
    assert second > group
    assert caller("stranger").get("/projects/private").status_code == 403


class TestAtOnce:
    """Changes need the rights of this moment: what ended a second ago leaves nothing behind."""

    def test_grants_taken_away(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        held = [entry("/", "robot:create", "user:create"), entry("private", *CONTENT)]
        robot = make_robot(admin, "maker", *held)
        maker = as_robot(robot)
        assert maker.get("/users/current").status_code == 412
        assert change_robot(admin, robot, permissions=held[:1]).status_code == 200
        child = {"name": "child", "level": "system", "duration": -1, "permissions": held[1:]}
        assert refusal(maker.post("/robots", json=child)) == (403, "DENIED")
        assert change_robot(admin, robot, disable=True).status_code == 200
        account = {"username": "new", "password": NEW, "email": "new@example.test", "realname": "N"}
        assert maker.post("/users", json=account).status_code == 401

    def test_an_administrator_no_more(self, caller: Caller, people: People) -> None:
        flag = f"/users/{people['stranger'].id}/sysadmin"
        assert caller("admin").put(flag, json={"sysadmin_flag": True}).status_code == 200
        once = caller("stranger")
        assert once.get("/users").status_code == 200
        assert caller("admin").put(flag, json={"sysadmin_flag": False}).status_code == 200
        other = f"/users/{people['guest'].id}/sysadmin"
        assert once.put(other, json={"sysadmin_flag": True}).status_code == 403
        assert once.put(flag, json={"sysadmin_flag": True}).status_code == 403


class TestNumbersAsNames:
    """A project may be called like another one's id; a name in a path is a number unless it is said to be a name."""

    @pytest.fixture
    def numbered(self, admin: httpx.Client) -> str:
        """The name of a project of the stranger, which is the id of the project ``private``."""
        return str(admin.get("/projects/private").json()["project_id"])

    def test_neither_is_taken_for_the_other(self, caller: Caller, numbered: str) -> None:
        by_name = {"X-Is-Resource-Name": "true"}
        assert caller("stranger").post("/projects", json={"project_name": numbered}).status_code == 201
        for path in ("", "/members", "/robots", "/summary", "/_deletable"):
            assert caller("stranger").get(f"/projects/{numbered}{path}").status_code == 403
            assert caller("stranger").get(f"/projects/{numbered}{path}", headers=by_name).status_code == 200
        assert caller("stranger").get(f"/projects/{numbered}/logs").status_code == 200
        assert caller("master").get(f"/projects/{numbered}/logs").status_code == 403
        assert caller("master").get(f"/projects/{numbered}", headers=by_name).status_code == 403
        assert caller("stranger").delete(f"/projects/{numbered}").status_code == 403
        assert caller("stranger").delete(f"/projects/{numbered}", headers=by_name).status_code == 200
        assert caller("admin").get("/projects/private").status_code == 200

    def test_grants_name_projects(self, client: httpx.Client, caller: Caller, numbered: str) -> None:
        assert caller("stranger").post("/projects", json={"project_name": numbered}).status_code == 201
        robot = make_robot(caller("stranger"), "ci", entry(numbered, *CONTENT), level="project")
        assert robot.name == f"robot${numbered}+ci"
        assert may(client, numbered, auth=robot.credentials) == {"pull", "push", "delete"}
        assert may(client, "private", auth=robot.credentials) == set()
        other = replace(robot, name="robot$private+ci")
        assert may(client, "private", auth=other.credentials) == set()
        refused = caller("stranger").post(
            f"/projects/{numbered}/robots",
            json={"name": "old", "access": [{"resource": f"/project/{numbered}/repository", "action": "pull"}]},
        )
        assert refused.status_code == 403
