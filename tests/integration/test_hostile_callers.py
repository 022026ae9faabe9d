"""Callers who try what no client does: what is another's is neither shown nor changed, nor told by a refusal."""

import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from flask import Flask

from tests.integration.conftest import AsRobot, Caller
from tests.support.blobs import push
from tests.support.browser import Browser
from tests.support.people import People
from tests.support.robots import entry, make_robot

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
API = "/api/v2.0"
_BUSY_SECONDS = 2.0
TOKEN = "/service/token?service=harbor-registry&scope=repository:private/image:pull"


class TestQuestions:
    """Conditions and orders of lists."""

    @pytest.mark.parametrize("who", [None, "stranger", "guest"])
    def test_who_belongs_to_a_project_is_not_asked_of_the_list(self, caller: Caller, who: str | None) -> None:
        plain = caller(who).get("/projects").json()
        for person in ("limited", "admin", "stranger", "nobody", "{guest limited}"):
            if person != who:
                assert caller(who).get("/projects", params={"q": f"member={person}"}).json() == plain
        if who is not None:
            own = caller(who).get("/projects", params={"q": f"member={who}"}).json()
            assert [each["name"] for each in own] == (["private", "public"] if who == "guest" else [])
        assert len(caller("admin").get("/projects?q=member%3Dguest").json()) == 2
        assert caller("admin").get("/projects?q=member%3Dstranger").json() == []

    def test_robots_of_other_projects(self, caller: Caller) -> None:
        admin = caller("admin")
        make_robot(admin, "system", entry("private", "repository:pull"))
        make_robot(admin, "hidden", entry("private", "repository:pull"), level="project")
        assert caller("stranger").post("/projects", json={"project_name": "own"}).status_code == 201
        own, other = (admin.get(f"/projects/{name}").json()["project_id"] for name in ("own", "private"))
        here = f"Level=project,ProjectID={own}"
        asked = (
            here,
            f"{here},ProjectID={other}",
            f"{here},Level=system",
            f"{here},project_id__gte=0",
            f"{here},name=~h",
        )
        for query in asked:
            assert caller("stranger").get("/robots", params={"q": query}).json() == []
        for query in (f"Level=project,ProjectID={other}", f"ProjectID={own}", "Level=system", f"Level=system,{here}"):
            assert caller("stranger").get("/robots", params={"q": query}).status_code == 403
        for query in (
            f"Level=project,ProjectID={{{own} {other}}}",
            f"Level=project,ProjectID=[{own}~]",
            "Level={project}",
        ):
            assert caller("stranger").get("/robots", params={"q": query}).status_code == 400

    @pytest.mark.parametrize("path", ["/projects", "/repositories", "/robots", "/users", "/projects/private/logs"])
    def test_more_of_them_than_a_database_takes(self, caller: Caller, path: str) -> None:
        asked = (
            {"q": ",".join(["id=1"] * 1600)},
            {"q": ",".join(["name=~a"] * 1000)},
            {"sort": ",".join(["id"] * 2700)},
            {"q": "owner={" + " ".join(str(number) for number in range(1600)) + "}"},
        )
        for parameters in asked[: 4 if path == "/projects" else 3]:
            refused = caller("admin").get(path, params=parameters)
            assert (refused.status_code, len(refused.text) < 200) == (400, True)
        assert caller("admin").get(path, params={"q": "id={" + "1 " * 3000 + "}"}).status_code == 200

    @pytest.mark.parametrize("column", ["password_hash", "PasswordHash", "version", "deleted", "id_hash"])
    def test_columns_that_are_nobodys_to_see(self, admin: httpx.Client, column: str) -> None:
        plain = admin.get("/users").json()
        assert admin.get("/users", params={"sort": f"-{column}"}).json() == plain
        assert admin.get("/users", params={"q": f"{column}=~x"}).json() == plain

    @pytest.mark.parametrize("column", ["secret_hash", "SecretHash", "previous_secret_hash", "project_id"])
    def test_secrets_of_robots(self, admin: httpx.Client, column: str) -> None:
        for name in ("b", "a", "c"):
            make_robot(admin, name, entry("private", "repository:pull"))
        plain = admin.get("/robots").json()
        assert admin.get("/robots", params={"sort": f"-{column}"}).json() == plain
        assert admin.get("/robots", params={"q": f"{column}=~a"}).json() == plain


class TestRefusals:
    """A refusal is the same whether or not the thing is there, and tells nothing about it."""

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_what_is_not_the_callers(self, caller: Caller, people: People, method: str) -> None:
        pairs = (
            (f"/users/{people['guest'].id}", "/users/999"),
            ("/projects/private", "/projects/missing"),
            ("/projects/private/members/1", "/projects/missing/members/999"),
            ("/projects/private/robots/1", "/projects/missing/robots/999"),
            ("/projects/private/metadatas/public", "/projects/missing/metadatas/none"),
            ("/usergroups/1", "/usergroups/999"),
        )
        for pair in pairs:
            for who, status in ((None, 401), ("stranger", 403)):
                body = {"email": "a@example.test", "description": ""}
                answers = [caller(who).request(method, path, json=body) for path in pair]
                assert [answer.status_code for answer in answers] == [status, status], pair
                assert all(answer.headers["Cache-Control"] == "no-store" for answer in answers)

    def test_whose_a_robot_is(self, caller: Caller) -> None:
        hidden = make_robot(caller("admin"), "hidden", entry("private", "repository:pull"), level="project")
        refused = caller("stranger").get(f"/robots/{hidden.id}")
        assert (refused.status_code, "project" in refused.text, "hidden" in refused.text) == (403, False, False)


class TestBodies:
    """Fields that are not the caller's to set."""

    def test_a_project(self, caller: Caller, people: People) -> None:
        more = {"project_id": 1, "owner_id": 1, "owner_name": "admin", "repo_count": 9, "storage_used": 9, "id": 1}
        body = {"project_name": "own", **more, "creation_time": "2001-01-01T00:00:00.000Z", "deleted": True}
        assert caller("stranger").post("/projects", json=body).status_code == 201
        before = caller("stranger").get("/projects/own").json()
        assert (before["owner_name"], before["repo_count"]) == ("stranger", 0)
        change = body | {
            "project_name": "private",
            "storage_limit": -1,
            "owner_id": people["guest"].id,
            "togglable": True,
        }
        assert caller("stranger").put("/projects/own", json=change).status_code == 200
        after = caller("stranger").get("/projects/own").json()
        assert {**after, "update_time": ""} == {**before, "update_time": ""}

    def test_a_member(self, caller: Caller, people: People) -> None:
        master = caller("master")
        (guest,) = master.get("/projects/private/members?entityname=guest").json()
        (other,) = caller("admin").get("/projects/public/members?entityname=guest").json()
        body = guest | {"project_id": 2, "entity_id": people["stranger"].id, "entity_name": "x", "role_id": 2}
        assert master.put(f"/projects/private/members/{guest['id']}", json=body).status_code == 200
        after = master.get(f"/projects/private/members/{guest['id']}").json()
        assert after == guest | {"role_id": 2, "role_name": "developer"}
        assert master.put(f"/projects/private/members/{other['id']}", json=body).status_code == 404
        assert master.delete(f"/projects/private/members/{other['id']}").status_code == 404

    @pytest.mark.parametrize("value", [b"{}", b"1", b'"x"', b"[[],[]]"])
    @pytest.mark.parametrize("path", ["/robots", "/projects", "/projects/private/metadatas/"])
    def test_bodies_of_very_many_values_keep_nobody_busy(self, caller: Caller, path: str, value: bytes) -> None:
        for count, answers in ((1_100, (401, 422)), (800_000, (401, 413))):
            body = b'{"permissions": [%b], "cve_allowlist": {"items": [%b]}}' % (value, b",".join([value] * count))
            for who, expected in zip((None, "guest"), answers, strict=True):
                began = time.monotonic()
                answer = caller(who).post(path, content=body, headers={"Content-Type": "application/json"})
                assert time.monotonic() - began < _BUSY_SECONDS
                assert answer.status_code in (expected, 400)
                assert len(answer.content) < 2_000

    def test_the_last_of_two_keys_counts(self, admin: httpx.Client) -> None:
        body = b'{"project_name": "private", "project_name": "second"}'
        made = admin.post("/projects", content=body, headers={"Content-Type": "application/json"})
        assert made.status_code == 201
        assert admin.get("/projects/second").status_code == 200


class TestBrowsers:
    """Requests with another's cookie, as other sites make them."""

    @pytest.fixture
    def stolen(self, app: Flask, people: People) -> Iterator[httpx.Client]:
        """A client with the cookie of the administrator's session and no token."""
        cookies = {"sid": Browser(app).logged_in("admin").sid or ""}
        with httpx.Client(
            transport=httpx.WSGITransport(app=app), base_url="http://registry.test", cookies=cookies
        ) as made:
            yield made

    @pytest.mark.parametrize("header", ["", " ", "Basic", "Basic Og==", "Bearer x", "Digest x"])
    def test_an_empty_header_is_no_way_around_the_token(self, stolen: httpx.Client, header: str) -> None:
        made = stolen.post(f"{API}/projects", json={"project_name": "own"}, headers={"Authorization": header})
        assert made.status_code == (401 if header else 403)

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
    def test_a_form_is_none_either(self, stolen: httpx.Client, admin: httpx.Client, kind: str) -> None:
        body = b'{"project_name": "own"}'
        made = stolen.post(f"{API}/projects", content=body, headers={"Content-Type": kind})
        assert made.status_code == 403
        assert admin.post("/projects", content=body, headers={"Content-Type": kind}).status_code == 422

    def test_reading_changes_nothing(self, stolen: httpx.Client, people: People, admin: httpx.Client) -> None:
        path = f"{API}/users/{people['guest'].id}"
        for method in ("GET", "HEAD", "OPTIONS"):
            for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
                assert stolen.request(method, f"{path}?_method=DELETE", headers={name: "DELETE"}).status_code == 200
        assert admin.get(f"/users/{people['guest'].id}").status_code == 200

    def test_an_id_in_the_path_is_no_session(self, client: httpx.Client, stolen: httpx.Client) -> None:
        sid = stolen.cookies["sid"]
        for query in (f"sid={sid}", f"SID={sid}", f"session={sid}"):
            assert client.get(f"{API}/users/current?{query}").status_code == 401

    def test_no_other_site_may_read(self, stolen: httpx.Client) -> None:
        origin = {"Origin": "http://elsewhere.test", "Access-Control-Request-Method": "GET"}
        for method, path in (("GET", TOKEN), ("OPTIONS", TOKEN), ("GET", f"{API}/users"), ("OPTIONS", f"{API}/users")):
            answer = stolen.request(method, path, headers=origin)
            assert not [name for name in answer.headers if name.startswith("access-control-")]
        assert stolen.get(TOKEN).headers["Cache-Control"] == "no-store"
        assert stolen.post(TOKEN, data={"grant_type": "password"}).status_code == 403

    def test_answers_are_kept_apart_by_who_asks(self, stolen: httpx.Client, caller: Caller) -> None:
        for path in ("/users/current", "/projects", "/projects/public"):
            answer = stolen.get(API + path)
            assert answer.headers["Vary"] == "Authorization, Cookie"
            other = caller("guest").get(path, headers={"If-None-Match": answer.headers["ETag"]})
            assert other.status_code == 200


class TestHeaders:
    """Names that would end a header's line."""

    @pytest.mark.parametrize("name", ["a\r\nX-Evil: 1", "a\nX-Evil: 1", "a\r\n\r\n<script>", "a%0d%0aX-Evil: 1"])
    def test_in_answers(self, admin: httpx.Client, name: str) -> None:
        asked = {"page_size": "1", "q": f"description={name}", name: name}
        account = {"username": name, "password": "Harbor12345", "email": "a@example.test"}
        answers = [
            admin.get("/projects", params=asked),
            admin.post("/projects", json={"project_name": name}, headers={"X-Resource-Name-In-Location": "true"}),
            admin.post(f"/projects/{quote(name)}/members", json={"role_id": 1, "member_user": {"user_id": 1}}),
            admin.post("/usergroups", json={"group_name": name, "group_type": 3}),
            admin.post("/users", json=account),
        ]
        assert [answer.status_code for answer in answers[:3]] == [200, 400, 404]
        for answer in answers:
            assert "X-Evil" not in answer.headers
            assert not [value for value in answer.headers.values() if set("\r\n") & set(value)]
        assert "Link" in answers[0].headers


def test_content_is_no_page_of_this_server(client: httpx.Client, people: People) -> None:
    client.auth = httpx.BasicAuth(*people["developer"].credentials)
    page = b'{"layers": [], "x": "<script>alert(1)</script>"}'
    sent = client.put("/v2/public/image/manifests/page", content=page, headers={"Content-Type": "text/html"})
    assert sent.status_code == 201
    blob = push(client, "public/image", b"<script>alert(1)</script>")
    for path in ("manifests/page", f"blobs/{blob}"):
        for method in ("GET", "HEAD"):
            shown = client.request(method, f"/v2/public/image/{path}")
            assert shown.headers["X-Content-Type-Options"] == "nosniff"
            assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_a_robot_is_not_the_user_with_its_id(admin: httpx.Client, as_robot: AsRobot) -> None:
    robot = make_robot(admin, "ci", entry("private", "repository:pull"))
    itself = as_robot(robot)
    assert robot.id == 1
    body = {"old_password": "Harbor12345", "new_password": "Another12345", "email": "a@example.test", "realname": "x"}
    for method, path in (("GET", ""), ("PUT", ""), ("PUT", "/password"), ("DELETE", "")):
        assert itself.request(method, f"/users/1{path}", json=body).status_code == 403
