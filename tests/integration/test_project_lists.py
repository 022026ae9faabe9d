"""Lists of projects: groups, robots, filters, hostile queries and what a page costs."""

from urllib.parse import quote

import httpx
import pytest

from app.access.roles import Role
from app.context import Ports
from tests.integration.conftest import Caller
from tests.support.accounts import make_project
from tests.support.members import MEMBERS, make_group
from tests.support.people import People
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    assert len(response.json()) == int(response.headers["X-Total-Count"])
    return [project["name"] for project in response.json()]


def test_roles_through_groups_count(caller: Caller, people: People, ports: Ports) -> None:
    group = make_group(ports, "crew", people["stranger"].id, people["guest"].id)
    assert caller("master").post(MEMBERS, json={"role_id": 4, "member_group": {"id": group}}).status_code == 201
    for who, roles in (("stranger", [4]), ("guest", [4, 3]), ("developer", [2])):
        for query in ("name=private", "public=false", "q=name%3Dprivate", "sort=-name&name=private"):
            (shown,) = caller(who).get(f"/projects?{query}").json()
            assert (shown["current_user_role_id"], shown["current_user_role_ids"]) == (roles[0], roles)
        assert caller(who).get("/projects/private").json()["current_user_role_ids"] == roles
    assert names(caller("admin").get("/projects?q=member%3Dstranger")) == ["private"]
    summary = caller("guest").get("/projects/private/summary").json()
    assert (summary["maintainer_count"], summary["project_admin_count"]) == (2, 2)


def test_robots_list_what_they_were_granted(caller: Caller, admin: httpx.Client, ports: Ports) -> None:
    make_project(ports, "hidden")
    for number, (granted, expected) in enumerate(
        (
            (entry("private", "repository:pull"), ["private", "public"]),
            (entry("/", "project:list"), ["hidden", "private", "public"]),
            (entry("*", "repository:pull"), ["hidden", "private", "public"]),
        )
    ):
        robot = make_robot(admin, f"reader{number}", granted)
        client = caller(None)
        client.auth = httpx.BasicAuth(*robot.credentials)
        assert names(client.get("/projects")) == expected
        assert names(client.get("/projects?public=false")) == [name for name in expected if name != "public"]
        assert all("current_user_role_id" not in project for project in client.get("/projects").json())


def test_a_system_robot_creates_projects_of_the_first_administrator(
    caller: Caller, admin: httpx.Client, people: People
) -> None:
    maker = make_robot(admin, "maker", entry("/", "project:create"))
    reader = make_robot(admin, "reader", entry("private", "project:read"), level="project")
    client = caller(None)
    client.auth = httpx.BasicAuth(*reader.credentials)
    refused = client.post("/projects", json={"project_name": "new"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "FORBIDDEN")
    client.auth = httpx.BasicAuth(*maker.credentials)
    assert client.post("/projects", json={"project_name": "new", "storage_limit": 50}).status_code == 201
    shown = admin.get("/projects/new").json()
    assert (shown["owner_id"], shown["owner_name"]) == (people["admin"].id, "admin")
    assert admin.get("/projects/new/summary").json()["quota"]["hard"] == {"storage": 50}


def test_registries_are_the_administrators_to_choose(caller: Caller) -> None:
    for who, status, code in (
        ("admin", 400, "UNSUPPORTED"),
        ("stranger", 403, "FORBIDDEN"),
        (None, 401, "UNAUTHORIZED"),
    ):
        refused = caller(who).post("/projects", json={"project_name": "new", "registry_id": 1})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=registry_id%3D0", ["private", "public"]),
        ("q=registry_id%3D5", []),
        ("q=project_id%3D%5B1~%5D", ["private", "public"]),
        ("q=project_id%3D-1", []),
        ("q=creation_time%3D%5B2000-01-01T00:00:00~%5D", ["private", "public"]),
        ("q=creation_time%3D%5B~2000-01-01T00:00:00%5D", []),
        ("q=public%3Dfalse,name%3D~riv", ["private"]),
        ("q=owner%3Dadmin", ["private", "public"]),
        ("q=owner%3D%7Badmin%20nobody%7D", ["private", "public"]),
        ("q=unknown%3D1", ["private", "public"]),
        ("sort=unknown", ["private", "public"]),
        ("sort=-registry_id", ["private", "public"]),
        ("page=0", ["private", "public"]),
        ("page=-5&page_size=-5", ["private", "public"]),
        ("name=private&public=false", ["private"]),
        ("name=private&name=public", ["private"]),
        ("owner=admin&public=true&name=u", ["public"]),
        ("name=%5C", []),
        ("name=/", []),
        ("name=" + quote("☃'; DROP TABLE project; --"), []),
        ("owner=" + quote("é" * 300), []),
    ],
)
def test_queries_are_understood(admin: httpx.Client, query: str, expected: list[str]) -> None:
    assert names(admin.get(f"/projects?{query}")) == expected


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("page_size=101", 422),
        ("page=x", 422),
        ("page=1e3", 422),
        ("page_size=" + "9" * 30, 422),
        ("q=name", 400),
        ("q=%3Dx", 400),
        ("q=name%3D", 400),
        ("q=name%3D%7Ba", 400),
        ("q=public%3Dperhaps", 400),
        ("q=project_id%3Dx", 400),
        ("q=project_id%3D" + "9" * 30, 400),
        ("q=creation_time%3Dyesterday", 400),
        ("name=%00", 400),
    ],
)
def test_queries_that_make_no_sense_are_refused(admin: httpx.Client, query: str, status: int) -> None:
    assert admin.get(f"/projects?{query}").status_code == status


def test_a_page_beyond_the_end_is_empty(admin: httpx.Client) -> None:
    for number in (3, 10**15, 2**63):
        page = admin.get(f"/projects?page={number}&page_size=1")
        assert (page.status_code in (200, 422), page.json() == [] or page.status_code == 422) == (True, True)


@pytest.mark.parametrize(
    "query",
    ["", "public=true", "public=false", "name=m", "sort=-creation_time", "q=name%3D~m", "public=true&name=m"],
)
@pytest.mark.parametrize("who", [None, "guest", "admin"])
def test_every_page_costs_three_queries_and_the_same_each_time(
    caller: Caller, people: People, ports: Ports, who: str | None, query: str
) -> None:
    for number in range(3):
        make_project(ports, f"more-{number}", public=True)
        make_project(ports, f"mine-{number}", members={people["guest"]: Role.GUEST})
    client = caller(who)
    first = client.get(f"/projects?page_size=2&{query}")
    whole = []
    for number in range(1, 6):
        with counted_statements(ports.db) as statements:
            page = client.get(f"/projects?page_size=2&page={number}&{query}")
        about_projects = [each for each in statements if "project" in each]
        assert len(about_projects) == (3 if page.json() else len(about_projects))
        whole += [project["name"] for project in page.json()]
    assert len(whole) == len(set(whole)) == int(first.headers["X-Total-Count"])


@pytest.mark.parametrize("who", ["guest", "stranger", "master"])
def test_lists_made_once_answer_as_lists_made_for_a_query(
    caller: Caller, people: People, ports: Ports, who: str
) -> None:
    group = make_group(ports, "crew", people["stranger"].id)
    made = caller("master").post(MEMBERS, json={"role_id": 2, "member_group": {"id": group}})
    assert made.status_code == 201
    make_project(ports, "strange_name", public=True)
    client = caller(who)
    for often, other in (
        ("", "sort=name"),
        ("public=true", "q=public%3Dtrue"),
        ("public=false", "q=public%3Dfalse"),
        ("name=strange_", "q=name%3D~strange_"),
        ("name=R&public=true", "q=name%3D~R,public%3Dtrue"),
    ):
        for _ in range(3):
            assert client.get(f"/projects?{often}").json() == client.get(f"/projects?{other}").json()


def test_whether_a_project_may_go(caller: Caller, admin: httpx.Client) -> None:
    assert caller("master").get("/projects/private/_deletable").json() == {"deletable": True}
    for who, status in ((None, 401), ("stranger", 403), ("maintainer", 403)):
        assert caller(who).get("/projects/private/_deletable").status_code == status
    assert admin.get("/projects/nothing/_deletable").status_code == 404


def test_a_summary_shows_what_the_caller_may_see(caller: Caller) -> None:
    counts = {
        "project_admin_count": 2,
        "maintainer_count": 1,
        "developer_count": 1,
        "guest_count": 1,
        "limited_guest_count": 1,
    }
    quota = {"quota": {"hard": {"storage": -1}, "used": {"storage": 0}}}
    for who, expected in (
        (None, {}),
        ("stranger", {}),
        ("limited", quota),
        ("guest", counts | quota),
        ("admin", counts | quota),
    ):
        assert caller(who).get("/projects/public/summary").json() == {"repo_count": 0} | expected
