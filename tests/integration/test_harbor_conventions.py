"""What clients made for Harbor expect where its server and its document differ, or where the error's kind matters."""

import httpx
import pytest

from tests.integration.conftest import Caller
from tests.integration.test_api_conventions import error_of
from tests.support.accounts import PASSWORD
from tests.support.people import People

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
JSON = {"Content-Type": "application/json"}


def names(response: httpx.Response, key: str) -> list[str]:
    assert response.status_code == 200, response.text
    assert response.headers["X-Total-Count"] == str(len(response.json()))
    return [item[key] for item in response.json()]


@pytest.mark.parametrize("value", ["maybe", "", "2", "tru", "%20"])
@pytest.mark.parametrize("path", ["/projects?public={}", "/projects?with_detail={}", "/projects/private?x={}"])
def test_a_parameter_that_is_no_boolean_counts_as_not_given(admin: httpx.Client, path: str, value: str) -> None:
    asked = admin.get(path.format(value))
    assert (asked.status_code, asked.json()) == (200, admin.get(path.partition("?")[0]).json())


def test_a_header_that_is_no_boolean_counts_as_not_given(admin: httpx.Client) -> None:
    number = admin.get("/projects/private").json()["project_id"]
    for value, status in (("maybe", 200), ("", 200), ("false", 200), ("TRUE", 404)):
        assert admin.get(f"/projects/{number}", headers={"X-Is-Resource-Name": value}).status_code == status
    made = admin.post("/projects", json={"project_name": "new"}, headers={"X-Resource-Name-In-Location": "perhaps"})
    assert made.headers["Location"].rpartition("/")[2].isdigit()


@pytest.mark.parametrize("value", ["true", "TRUE", "True", "t", "1", "false", "F", "0"])
def test_booleans_in_every_spelling(admin: httpx.Client, value: str) -> None:
    public = value.lower() in ("true", "t", "1")
    shown = admin.get("/projects", params={"public": value})
    assert {project["metadata"]["public"] for project in shown.json()} == {"true" if public else "false"}


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"{", JSON),
        (b"\xff", JSON),
        (b'{"project_name": "a",}', JSON),
        (b'{"project_name": "a"} {}', JSON),
        (b'{"project_name": "new"}', {}),
        (b'{"project_name": "new"}', {"Content-Type": "text/plain"}),
        (b"project_name=new", {"Content-Type": "application/x-www-form-urlencoded"}),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/projects"),
        ("PUT", "/projects/private"),
        ("POST", "/users"),
        ("POST", "/robots"),
        ("PUT", "/projects/private/metadatas/auto_scan"),
        ("PUT", "/system/CVEAllowlist"),
    ],
)
def test_what_is_no_json(admin: httpx.Client, method: str, path: str, content: bytes, headers: dict[str, str]) -> None:
    refused = admin.request(method, path, content=content, headers=headers)
    assert error_of(refused) == (422, "UNPROCESSABLE_ENTITY")


def test_a_setting_that_is_not_set(admin: httpx.Client) -> None:
    asked = admin.get("/projects/private/metadatas/auto_scan")
    assert (asked.status_code, asked.json()) == (200, {})


def test_permissions_of_the_system_have_no_prefix(admin: httpx.Client) -> None:
    for relative in ("true", "false", None):
        asked = {"scope": "/system"} | ({"relative": relative} if relative else {})
        resources = {one["resource"] for one in admin.get("/users/current/permissions", params=asked).json()}
        assert {"user", "audit-log"} < resources
        assert not [resource for resource in resources if resource.startswith("/")]


@pytest.mark.parametrize("duration", [{}, {"duration": 0}, {"duration": None}])
def test_a_robot_needs_a_duration(admin: httpx.Client, duration: dict[str, object]) -> None:
    access = [{"resource": "repository", "action": "pull"}]
    permission = {"kind": "project", "namespace": "private", "access": access}
    body = {"name": "ci", "level": "project", "permissions": [permission]} | duration
    assert error_of(admin.post("/robots", json=body)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("realname", [{}, {"realname": ""}, {"realname": None}])
def test_a_user_needs_a_real_name(admin: httpx.Client, realname: dict[str, object]) -> None:
    body = {"username": "new", "email": "new@example.test", "password": PASSWORD} | realname
    assert error_of(admin.post("/users", json=body)) == (400, "BAD_REQUEST")


def test_members_by_name(admin: httpx.Client, caller: Caller) -> None:
    members = "/projects/private/members"
    assert names(admin.get(f"{members}?entityname=guest"), "entity_name") == ["guest"]
    assert names(admin.get(f"{members}?entityname=gues"), "entity_name") == []


def test_members_who_do_not_exist(admin: httpx.Client) -> None:
    members = "/projects/private/members"
    for user, status in (({"username": "nobody"}, 404), ({"user_id": 4711}, 400)):
        assert admin.post(members, json={"role_id": 3, "member_user": user}).status_code == status
    member = admin.get(f"{members}?entityname=guest").json()[0]["id"]
    assert admin.put(f"{members}/{member}", json={"role_id": 9}).status_code == 400
    assert admin.put(f"{members}/4711", json={"role_id": 3}).status_code == 404
    assert [admin.delete(f"{members}/{member}").status_code for _ in range(2)] == [200, 404]


def test_users_by_name_and_address(admin: httpx.Client) -> None:
    assert names(admin.get("/users?q=username%3Dguest"), "username") == ["guest"]
    assert names(admin.get("/users?q=username%3Dgues"), "username") == []
    assert names(admin.get("/users?q=username%3D~gues"), "username") == ["guest"]
    assert names(admin.get("/users?q=email%3Dguest@example.test"), "username") == ["guest"]
    assert names(admin.get("/users?q=email%3Dguest@example"), "username") == []


def test_groups_whatever_their_case(admin: httpx.Client) -> None:
    for name in ("Builders", "testers"):
        assert admin.post("/usergroups", json={"group_name": name, "group_type": 3}).status_code in (201, 400)
    found = names(admin.get("/usergroups/search?groupname=builders"), "group_name")
    assert found in ([], ["Builders"])


CASES: dict[str, tuple[str | None, str, str, object, int]] = {
    "public neither yes nor no": ("admin", "PUT", "/projects/private", {"metadata": {"public": "perhaps"}}, 400),
    "severity": ("admin", "POST", "/projects", {"project_name": "n", "metadata": {"severity": "bad"}}, 400),
    "unknown setting": ("admin", "POST", "/projects", {"project_name": "n", "metadata": {"unknown": "x"}}, 201),
    "CVE twice": ("admin", "PUT", "/system/CVEAllowlist", {"items": [{"cve_id": "CVE-1"}] * 2}, 400),
    "kind of group": ("admin", "POST", "/usergroups", {"group_name": "g", "group_type": 9}, 400),
    "the first administrator": ("admin", "PUT", "/users/1/sysadmin", {"sysadmin_flag": False}, 403),
    "anonymous": (None, "GET", "/users/1", None, 401),
    "before the first push": ("guest", "GET", "/projects/private/repositories/nothing/artifacts", None, 200),
}


@pytest.mark.parametrize("case", CASES)
def test_which_answer_comes(caller: Caller, case: str) -> None:
    who, method, path, body, expected = CASES[case]
    answer = caller(who).request(method, path, json=body)
    assert answer.status_code == expected, answer.text


def test_an_address_that_another_has(admin: httpx.Client, people: People) -> None:
    profile = {"email": "guest@example.test", "realname": "x"}
    assert admin.put(f"/users/{people['master'].id}", json=profile).status_code == 409


def test_answers_without_login_bring_no_session(caller: Caller) -> None:
    for path in ("/projects", "/ping", "/systeminfo", "/users/current"):
        assert "sid=" not in caller(None).get(path).headers.get("Set-Cookie", "")
