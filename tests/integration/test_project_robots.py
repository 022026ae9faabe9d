"""The five operations on a project's robots that clients made for Harbor before 2.13 use."""

import time

import httpx
import pytest

from tests.integration.conftest import AsRobot, Caller
from tests.support.robots import MadeRobot, entry, make_robot

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PATH = "/projects/private/robots"


@pytest.fixture
def project(admin: httpx.Client) -> int:
    """The id of the project ``private``."""
    return int(admin.get("/projects/private").json()["project_id"])


def old(project: int, *rights: str, **also: object) -> dict[str, object]:
    pairs = [right.split(":") for right in rights]
    access = [{"resource": f"/project/{project}/{resource}", "action": action} for resource, action in pairs]
    return {"name": "ci", "access": access, **also}


def test_a_robots_life(caller: Caller, as_robot: AsRobot, project: int) -> None:
    master = caller("master")
    made = master.post(PATH, json=old(project, "repository:push", "repository:pull", description="builds"))
    assert made.status_code == 201
    robot = MadeRobot(**{key: made.json()[key] for key in ("id", "name", "secret")})
    assert robot.name == "robot$private+ci"
    assert made.headers["Location"] == f"/api/v2.0{PATH}/{robot.id}"
    shown = caller("guest").get(f"{PATH}/{robot.id}").json()
    assert shown == master.get(f"/robots/{robot.id}").json()
    assert (shown["level"], shown["description"], shown["duration"]) == ("project", "builds", 30)
    assert [each["action"] for each in shown["permissions"][0]["access"]] == ["push", "pull"]
    listed = caller("guest").get(f"{PATH}?q=name%3D~ci&page_size=1")
    assert (listed.json(), listed.headers["X-Total-Count"]) == ([shown], "1")
    assert as_robot(robot).get("/users/current").status_code == 412
    assert master.put(f"{PATH}/{robot.id}", json={"disable": True, "description": "off"}).status_code == 200
    after = master.get(f"{PATH}/{robot.id}").json()
    assert (after["disable"], after["description"], after["permissions"]) == (True, "off", shown["permissions"])
    assert as_robot(robot).get("/users/current").status_code == 401
    assert master.delete(f"{PATH}/{robot.id}").status_code == 200
    assert master.get(f"{PATH}/{robot.id}").status_code == 404


def test_by_the_projects_id(admin: httpx.Client, project: int) -> None:
    made = admin.post(f"/projects/{project}/robots", json=old(project, "repository:pull"))
    assert made.headers["Location"] == f"/api/v2.0/projects/{project}/robots/{made.json()['id']}"
    headers = {"X-Is-Resource-Name": "true"}
    assert admin.get(f"/projects/{project}/robots", headers=headers).status_code == 404


@ONE
def test_its_end_is_said_in_seconds(admin: httpx.Client, project: int) -> None:
    end = int(time.time()) + 100_000
    made = admin.post(PATH, json=old(project, "repository:pull", expires_at=end)).json()
    shown = admin.get(f"{PATH}/{made['id']}").json()
    assert (made["expires_at"], shown["expires_at"], shown["duration"]) == (end, end, 2)
    forever = admin.post(PATH, json=old(project, "repository:pull", expires_at=-1, name="forever")).json()
    assert admin.get(f"{PATH}/{forever['id']}").json()["duration"] == forever["expires_at"] == -1


@ONE
@pytest.mark.parametrize(
    "change",
    [
        {"name": "a+b"},
        {"access": []},
        {"access": [{"resource": "repository", "action": "pull"}]},
        {"access": [{"resource": "/project/777/repository", "action": "pull"}]},
        {"access": [{"resource": "/project/{}/helm-chart", "action": "read"}]},
        {"access": [{"resource": "/project/{}/repository", "action": "fly"}]},
        {"access": [{}]},
        {"expires_at": 1},
        {"expires_at": -2},
        {"expires_at": 2**62},
    ],
)
def test_what_breaks_a_rule(admin: httpx.Client, project: int, change: dict[str, object]) -> None:
    for each in change.get("access", []):  # type: ignore[attr-defined]
        if "resource" in each:
            each["resource"] = each["resource"].format(project)
    assert admin.post(PATH, json=old(project, "repository:pull") | change).status_code == 400
    assert admin.get(PATH).json() == []


def test_who_may(caller: Caller, project: int) -> None:
    robot = make_robot(caller("admin"), "ci", entry("private", "repository:pull"), level="project")
    item = f"{PATH}/{robot.id}"
    calls = {
        ("GET", PATH): {"guest", "developer", "maintainer", "master", "admin"},
        ("GET", item): {"guest", "developer", "maintainer", "master", "admin"},
        ("PUT", item): {"master", "admin"},
        ("POST", PATH): {"master", "admin"},
        ("DELETE", f"{PATH}/777"): {"master", "admin"},
    }
    for (method, path), allowed in calls.items():
        for who in (None, "stranger", "limited", "guest", "developer", "maintainer", "master", "admin"):
            body = old(project, "repository:pull", name=f"by-{who}".lower())
            status = caller(who).request(method, path, json=body).status_code
            assert (status not in (401, 403)) == (who in allowed), (method, path, who, status)


@ONE
def test_robots_of_others_are_not_found(admin: httpx.Client) -> None:
    elsewhere = make_robot(admin, "ci", entry("public", "repository:pull"), level="project")
    system = make_robot(admin, "ci", entry("private", "repository:pull"))
    for robot in (elsewhere, system):
        for method in ("GET", "PUT", "DELETE"):
            assert admin.request(method, f"{PATH}/{robot.id}", json={}).status_code == 404
    assert admin.get(PATH).json() == []
