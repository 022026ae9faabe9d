"""What every operation of the management API has in common."""

import json
from urllib.parse import quote

import httpx
import pytest

from app.context import Context
from app.db import gate
from tests.integration.conftest import Caller


def error_of(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert response.text.endswith("}\n")
    (error,) = response.json()["errors"]
    return response.status_code, error["code"]


def test_the_version_needs_no_login(client: httpx.Client) -> None:
    answer = client.get("/api/version")
    assert (answer.status_code, answer.json()) == (200, {"version": "v2.0"})


def test_unknown_paths_and_methods_answer_in_the_shape(anonymous: httpx.Client) -> None:
    assert error_of(anonymous.get("/nothing")) == (404, "NOT_FOUND")
    assert error_of(anonymous.patch("/projects")) == (405, "METHOD_NOT_ALLOWED")


def test_a_request_id_is_echoed_and_never_empty(anonymous: httpx.Client) -> None:
    assert anonymous.get("/ping", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert error_of(anonymous.get("/projects", headers={"X-Request-Id": ""})) == (422, "UNPROCESSABLE_ENTITY")


@pytest.mark.parametrize("query", ["page_size=101", "page_size=x", "page=x", f"page={2**64}"])
def test_parameters_outside_the_schema_are_422(anonymous: httpx.Client, query: str) -> None:
    assert error_of(anonymous.get(f"/projects?{query}")) == (422, "UNPROCESSABLE_ENTITY")


@pytest.mark.parametrize(
    "query", ["name", "=x", "name=", "a=1,", "size=[1", "name={a", "project_id=x", f"project_id={2**70}"]
)
def test_malformed_queries_are_400(anonymous: httpx.Client, query: str) -> None:
    assert error_of(anonymous.get("/projects", params={"q": query})) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "value",
    ["9999999999", "soon", "[soon~]", "{1 2}", "10000-01-01T00:00:00", "0001-01-01T00:00:00+14:00", "9" * 5000],
    ids=lambda value: value[:30],
)
def test_moments_that_are_none_are_400(anonymous: httpx.Client, value: str) -> None:
    assert error_of(anonymous.get("/projects", params={"q": f"creation_time={quote(value)}"})) == (400, "BAD_REQUEST")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("[2020-01-01T00:00:00~]", True),
        ("[2020-01-01~2020-01-02T03:04:05]", False),
        ("[2020-01-01T00:00:00+02:00~9999-12-31T23:59:59]", True),
        ("[~2020-01-01]", False),
        ("0001-01-01T00:00:00", False),
    ],
)
def test_moments_are_compared(anonymous: httpx.Client, value: str, *, found: bool) -> None:
    answer = anonymous.get("/projects", params={"q": f"creation_time={quote(value)}"})
    assert answer.status_code == 200, answer.text
    assert bool(answer.json()) is found


@pytest.mark.parametrize(
    "query", ["q=nothing=1", "sort=nothing,-name", "page=0", "page=-4", "page_size=-1", f"page={2**62}"]
)
def test_what_means_nothing_is_ignored(anonymous: httpx.Client, query: str) -> None:
    assert anonymous.get(f"/projects?{query}").status_code == 200


@pytest.mark.parametrize(
    "path", ["/projects/a%00b", "/projects?name=%00", "/projects?q=name%3D%00", "/projects?q=name%253D~%2500"]
)
def test_characters_that_no_database_stores_are_refused(admin: httpx.Client, path: str) -> None:
    assert error_of(admin.get(path)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("term", ["public__gte=1", "public__lt=true", "public=[0~1]"])
def test_what_is_true_or_false_has_no_ranges(anonymous: httpx.Client, term: str) -> None:
    assert error_of(anonymous.get("/projects", params={"q": term})) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("name", ["a\0", "\ud800"])
def test_texts_that_no_database_stores_are_refused(admin: httpx.Client, name: str) -> None:
    body = json.dumps({"project_name": name})
    refused = admin.post("/projects", content=body, headers={"Content-Type": "application/json"})
    assert error_of(refused) == (422, "UNPROCESSABLE_ENTITY")


def test_bodies_that_are_no_json_are_refused(admin: httpx.Client) -> None:
    json_type = {"Content-Type": "application/json"}
    assert error_of(admin.post("/projects", content=b"{", headers=json_type)) == (422, "UNPROCESSABLE_ENTITY")
    assert error_of(admin.post("/projects", content=b"\xff", headers=json_type)) == (422, "UNPROCESSABLE_ENTITY")
    assert error_of(admin.post("/projects", content=b"{}")) == (422, "UNPROCESSABLE_ENTITY")
    assert error_of(admin.post("/projects", json=[])) == (422, "UNPROCESSABLE_ENTITY")
    assert error_of(admin.post("/projects", json={"project_name": 3})) == (422, "UNPROCESSABLE_ENTITY")


@pytest.mark.parametrize("body", [b"9" * 5000, b'{"storage_limit":-' + b"9" * 5000 + b"}", b"[" * 100_000], ids=len)
def test_bodies_that_no_parser_takes_are_refused(admin: httpx.Client, body: bytes) -> None:
    refused = admin.post("/projects", content=body, headers={"Content-Type": "application/json"})
    assert error_of(refused) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("number", [str(2**63), str(-(2**63) - 1), "9" * 5000, "x", "1.0", "1e3", "0x1", "%20"])
def test_ids_that_are_no_numbers_do_not_fit(admin: httpx.Client, number: str) -> None:
    for path in (f"/system/gc/{number}", f"/system/gc/{number}/log", f"/projects/private/members/{number}"):
        assert error_of(admin.get(path)) == (422, "UNPROCESSABLE_ENTITY")
    assert error_of(admin.put(f"/system/gc/{number}")) == (422, "UNPROCESSABLE_ENTITY")
    assert error_of(admin.get(f"/projects/{number}")) == (404, "NOT_FOUND")


@pytest.mark.parametrize("number", ["-1", "0", "+7", str(2**63 - 1), str(-(2**63))])
def test_ids_that_no_row_has_are_not_found(admin: httpx.Client, number: str) -> None:
    assert error_of(admin.get(f"/system/gc/{number}")) == (404, "NOT_FOUND")
    assert error_of(admin.put(f"/system/gc/{number}")) == (404, "NOT_FOUND")
    assert error_of(admin.get(f"/projects/{number}")) == (404, "NOT_FOUND")


def test_a_body_that_is_needed_is_not_left_out(admin: httpx.Client) -> None:
    for body in ({}, {"content": b""}, {"headers": {"Content-Type": "application/json"}}):
        assert error_of(admin.post("/projects", **body)) == (422, "UNPROCESSABLE_ENTITY")
    assert error_of(admin.post("/projects", content=b"null", headers={"Content-Type": "application/json"}))[0] == 422


def test_a_body_has_a_limit(admin: httpx.Client) -> None:
    large = admin.post("/projects", json={"project_name": "x" * 9_000_000})
    assert error_of(large) == (413, "REQUEST_ENTITY_TOO_LARGE")


def test_methods_that_a_path_has_are_told(admin: httpx.Client) -> None:
    refused = admin.patch("/projects")
    assert error_of(refused) == (405, "METHOD_NOT_ALLOWED")
    assert set(refused.headers["Allow"].split(", ")) >= {"GET", "HEAD", "POST"}


def test_pages(admin: httpx.Client) -> None:
    for name in ("one", "three", "two"):
        assert admin.post("/projects", json={"project_name": name}).status_code == 201
    middle = admin.get("/projects", params={"page": 2, "page_size": 2, "sort": "-name", "q": "name=~e"})
    assert [project["name"] for project in middle.json()] == ["one"]
    assert middle.headers["X-Total-Count"] == "3"
    assert middle.headers["Link"] == ('</api/v2.0/projects?page=1&page_size=2&q=name=~e&sort=-name>; rel="prev"')
    everything = admin.get("/projects?page_size=0")
    assert len(everything.json()) == 5
    assert "Link" not in everything.headers
    beyond = admin.get("/projects?page=9&page_size=2")
    assert (beyond.json(), beyond.headers["X-Total-Count"]) == ([], "5")


def test_wrong_credentials_make_nobody(anonymous: httpx.Client) -> None:
    wrong = ("admin", "wrong")
    assert [project["name"] for project in anonymous.get("/projects", auth=wrong).json()] == ["public"]
    assert error_of(anonymous.get("/users/current", auth=wrong)) == (401, "UNAUTHORIZED")


def test_too_many_failures_are_429(anonymous: httpx.Client) -> None:
    for _ in range(5):
        anonymous.get("/users/current", auth=("admin", "wrong"))
    refused = anonymous.get("/users/current", auth=("admin", "wrong"))
    assert error_of(refused) == (429, "TOO_MANY_REQUEST")
    assert int(refused.headers["Retry-After"]) >= 1


def test_the_switch_refuses_changes_and_lets_reads_pass(caller: Caller, ctx: Context) -> None:
    admin = caller("admin")
    with ctx.write() as session:
        gate.switch(session, on=True)
    assert error_of(admin.post("/projects", json={"project_name": "new"})) == (403, "DENIED")
    assert error_of(caller(None).delete("/projects/public")) == (403, "DENIED")
    assert admin.get("/projects").status_code == 200
    assert admin.get("/systeminfo").json()["read_only"] is True
    with ctx.write() as session:
        gate.switch(session, on=False)
    assert admin.post("/projects", json={"project_name": "new"}).status_code == 201


def test_a_collection_does_not_refuse_what_is_no_content(admin: httpx.Client, ctx: Context) -> None:
    with ctx.write() as session:
        assert gate.acquire(session, "collection", 60_000)
    assert admin.post("/projects", json={"project_name": "new"}).status_code == 201
    refused = admin.delete("/projects/new")
    assert error_of(refused) == (503, "UNAVAILABLE")
    assert int(refused.headers["Retry-After"]) >= 1


def test_what_breaks_inside_is_not_told(admin: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        message = "secret"
        raise RuntimeError(message)

    monkeypatch.setattr("app.projects.service.ProjectService.list", broken)
    refused = admin.get("/projects")
    assert error_of(refused) == (500, "UNKNOWN")
    assert refused.json()["errors"][0]["message"] == "internal server error"
