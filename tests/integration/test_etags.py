"""Who asks again for what has not changed is told so, without a body."""

import time

import httpx
import pytest
from flask import Flask, Response

from app.web.etags import tagged
from tests.integration.conftest import Caller

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POLLED = ("/projects", "/projects/private", "/users/current", "/system/gc", "/repositories")


@pytest.mark.parametrize("path", [*POLLED, "/swagger.json"])
def test_the_second_time_is_304(admin: httpx.Client, path: str) -> None:
    first = admin.get(path)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = admin.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "X-Total-Count", "Link"):
        assert again.headers.get(name) == first.headers.get(name)
    assert "Content-Type" not in again.headers


def test_a_change_is_told(admin: httpx.Client) -> None:
    before = admin.get("/projects/private")
    assert admin.post("/projects", json={"project_name": "third"}).status_code == 201
    asked = {"If-None-Match": before.headers["ETag"]}
    assert admin.get("/projects/private", headers=asked).status_code == 304
    listed = admin.get("/projects").headers["ETag"]
    assert admin.delete("/projects/third").status_code == 200
    changed = admin.get("/projects", headers={"If-None-Match": listed})
    assert (changed.status_code, changed.headers["X-Total-Count"]) == (200, "2")
    assert changed.headers["ETag"] != listed


def test_a_page_changes_with_the_number_of_all(admin: httpx.Client) -> None:
    before = admin.get("/projects?page_size=1")
    assert admin.post("/projects", json={"project_name": "zzz"}).status_code == 201
    after = admin.get("/projects?page_size=1", headers={"If-None-Match": before.headers["ETag"]})
    assert (after.status_code, after.json()) == (200, before.json())


def test_nobody_learns_by_a_tag_what_only_others_see(caller: Caller) -> None:
    tag = caller("admin").get("/projects/private").headers["ETag"]
    assert caller(None).get("/projects/private", headers={"If-None-Match": tag}).status_code == 401
    assert caller("stranger").get("/projects/private", headers={"If-None-Match": tag}).status_code == 403
    assert caller("admin").get("/projects/gone", headers={"If-None-Match": "*"}).status_code == 404


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("{tag}", 304),
        ("W/{tag}", 304),
        ('"other", {tag}', 304),
        ('"other",W/{tag},"third"', 304),
        ("*", 304),
        ('"other"', 200),
        ("", 200),
        ('"', 200),
        (",,,", 200),
        ("W/", 200),
        ('"' * 3000, 200),
        ('"a",' * 3000 + "{tag}", 304),
    ],
    ids=lambda value: str(value)[:20],
)
def test_forms_of_the_question(admin: httpx.Client, form: str, status: int) -> None:
    tag = admin.get("/projects").headers["ETag"]
    assert admin.get("/projects", headers={"If-None-Match": form.format(tag=tag)}).status_code == status


def test_heads_have_the_tags_of_gets(admin: httpx.Client) -> None:
    tag = admin.get("/repositories").headers["ETag"]
    assert admin.head("/repositories").headers["ETag"] == tag
    assert admin.head("/repositories", headers={"If-None-Match": tag}).status_code == 304


def test_a_browser_gets_its_token_with_a_304(app: Flask) -> None:
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://registry.test/api/v2.0") as client:
        tag = client.get("/projects").headers["ETag"]
        again = client.get("/projects", headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.headers["X-Harbor-CSRF-Token"]


def test_answers_to_changes_are_not_kept(app: Flask) -> None:
    with app.test_request_context(method="POST", headers={"If-None-Match": "*"}):
        answer = tagged(Response(b'{"secret":"x"}', mimetype="application/json"))
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert "ETag" not in answer.headers


def test_a_tag_costs_little(app: Flask) -> None:
    body = b"x" * 40_000
    with app.test_request_context():
        took = []
        for _ in range(200):
            answer = Response(body, mimetype="application/json")
            began = time.perf_counter()
            tagged(answer, "1")
            took.append(time.perf_counter() - began)
    assert sorted(took)[100] < 0.0002
