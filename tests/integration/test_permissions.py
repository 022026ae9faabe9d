"""What the caller may do, as the management API tells it: each role's table, the system's, and robots' grants."""

import httpx
import pytest

from app.context import Ports
from tests.integration.conftest import AsRobot, Caller
from tests.support.members import MEMBERS, make_group
from tests.support.people import People
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot
from tests.support.role_table import COLUMNS, HELD, HELD_IN_SYSTEM, TOTALS

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PERMISSIONS = "/users/current/permissions"


def held(client: httpx.Client, scope: str, *, relative: bool = True) -> list[tuple[str, str]]:
    answer = client.get(PERMISSIONS, params={"scope": scope, "relative": relative})
    assert answer.status_code == 200, answer.text
    return [(permission["resource"], permission["action"]) for permission in answer.json()]


def project_id(admin: httpx.Client, name: str) -> int:
    number: int = admin.get(f"/projects/{name}").json()["project_id"]
    return number


def test_the_copy_of_the_table_is_whole() -> None:
    assert tuple(len(HELD[who]) for who in COLUMNS) == TOTALS
    assert len(HELD_IN_SYSTEM) == 53


def test_each_role_holds_its_column(caller: Caller, admin: httpx.Client) -> None:
    private, public = (project_id(admin, name) for name in ("private", "public"))
    for who in COLUMNS:
        own = HELD[who] if who != "stranger" else set()
        told = held(caller(who), f"/project/{private}")
        assert (who, set(told), len(told)) == (who, own, len(own))
        told = held(caller(who), f"/project/{public}")
        assert (who, set(told)) == (who, HELD[who] | HELD["stranger"])


@ONE_DATABASE
def test_resources_are_paths_unless_relative(caller: Caller, admin: httpx.Client) -> None:
    number = project_id(admin, "private")
    told = held(caller("limited"), f"/project/{number}", relative=False)
    assert set(told) == {
        (f"/project/{number}" if resource == "." else f"/project/{number}/{resource}", action)
        for resource, action in HELD["limited"]
    }
    assert caller("limited").get(PERMISSIONS, params={"scope": f"/project/{number}"}).json() == [
        {"resource": resource, "action": action} for resource, action in told
    ]
    assert held(admin, "/system", relative=False) == held(admin, "/system")
    assert ("user", "create") in held(admin, "/system")


@ONE_DATABASE
def test_the_administrator_holds_everything_everywhere(admin: httpx.Client) -> None:
    assert set(held(admin, "/system")) == HELD_IN_SYSTEM
    for number in (project_id(admin, "private"), 777777):
        assert set(held(admin, f"/project/{number}")) == HELD["master"]


@ONE_DATABASE
def test_others_hold_nothing_at_system_level(caller: Caller) -> None:
    for who in COLUMNS:
        assert held(caller(who), "/system") == []


@pytest.mark.parametrize(
    "scope",
    [
        "",
        "/",
        "system",
        "/systems/../project/1",
        "/project",
        "/project/",
        "/project/private",
        "/project/777777",
        "/project/0",
        "/project/-1",
        "/project/1x",
        "/project/1\n",
        "/project/1.0",
        "/project/\u0661",
        "/project/" + "9" * 19,
        "/project/" + "9" * 400,
        "/project//1",
        "project/1",
        "/projects/1",
        "/project/1' OR 1=1 --",
        "x" * 4000,
        "\ufffd\U0001f511",
    ],
)
@ONE_DATABASE
def test_other_scopes_hold_nothing(caller: Caller, scope: str) -> None:
    assert held(caller("guest"), scope) == []
    assert held(caller("guest"), scope, relative=False) == []


@ONE_DATABASE
def test_without_a_scope_there_is_nothing(admin: httpx.Client) -> None:
    assert admin.get(PERMISSIONS).json() == []
    assert admin.get(f"{PERMISSIONS}?relative=true").json() == []


@ONE_DATABASE
def test_bad_parameters_are_refused(admin: httpx.Client) -> None:
    assert admin.get(f"{PERMISSIONS}?scope=%00").status_code == 400
    assert admin.get(f"{PERMISSIONS}?scope=/system&relative=perhaps").status_code == 200


@ONE_DATABASE
def test_a_scope_may_go_deeper(caller: Caller, admin: httpx.Client) -> None:
    """As in Harbor: the first number counts; what does not begin with the scope is left out when it is relative."""
    number, guest = project_id(admin, "private"), caller("guest")
    assert len(held(guest, f"/project/{number}/member", relative=False)) == TOTALS[3]
    assert set(held(guest, f"/project/{number}/member")) == {(".", "read"), (".", "list")}
    assert set(held(guest, f"/project/{number}/")) == HELD["guest"] - {(".", "read")}
    assert held(guest, f"/project/0{number}") == []
    assert len(held(guest, f"/project/0{number}", relative=False)) == TOTALS[3]


@ONE_DATABASE
@pytest.mark.usefixtures("people")
def test_nobody_is_refused(anonymous: httpx.Client) -> None:
    assert anonymous.get(f"{PERMISSIONS}?scope=/system").status_code == 401
    assert anonymous.get(PERMISSIONS).status_code == 401


@pytest.mark.usefixtures("people")
def test_robots_hold_their_grants_and_what_is_public(admin: httpx.Client, as_robot: AsRobot) -> None:
    private, public = (f"/project/{project_id(admin, name)}" for name in ("private", "public"))
    grants = entry("private", "repository:push", "repository:pull", "project:read", "metadata:list")
    robot = as_robot(make_robot(admin, "ci", grants))
    own = {("repository", "push"), ("repository", "pull"), (".", "read")}
    assert set(held(robot, private)) == own, "metadata:list is no permission of any role and not told"
    assert set(held(robot, public)) == HELD["stranger"]
    assert held(robot, "/project/777777") == []
    assert held(robot, "/system") == []


@ONE_DATABASE
@pytest.mark.usefixtures("people")
def test_system_robots_hold_theirs_everywhere(admin: httpx.Client, as_robot: AsRobot) -> None:
    private = f"/project/{project_id(admin, 'private')}"
    grants = entry("*", "member:list", "repository:push"), entry("/", "user:list", "robot:list")
    robot = as_robot(make_robot(admin, "ci", *grants))
    assert set(held(robot, private)) == {("member", "list"), ("repository", "push"), ("repository", "pull")}
    assert held(robot, "/system") == [("user", "list")]


def test_several_roles_add_up(caller: Caller, admin: httpx.Client, people: People, ports: Ports) -> None:
    number = project_id(admin, "private")
    group = make_group(ports, "crew", people["limited"].id, people["stranger"].id)
    assert admin.post(MEMBERS, json={"role_id": 3, "member_group": {"id": group}}).status_code == 201
    assert set(held(caller("limited"), f"/project/{number}")) == HELD["limited"] | HELD["guest"]
    assert set(held(caller("stranger"), f"/project/{number}")) == HELD["guest"]


def test_the_answer_costs_two_queries(caller: Caller, admin: httpx.Client, ports: Ports) -> None:
    number, guest = project_id(admin, "private"), caller("guest")
    for _ in ("proves the caller", "looks at the caller's standing"):
        held(guest, "/system")
    with counted_statements(ports.db) as none:
        held(guest, "/system")
    with counted_statements(ports.db) as some:
        held(guest, f"/project/{number}")
    assert len(some) - len(none) == 2
