"""Repositories through the management API."""

import httpx
import pytest
from flask import Flask

from app.core.reference import RepositoryName
from tests.integration.conftest import AsRobot, Caller
from tests.support.blobs import push
from tests.support.manifests import push_image
from tests.support.people import People
from tests.support.robots import entry, make_robot
from tests.support.server import LiveServer

NESTED = ("private/group/artifacts/app", "private/group%252Fartifacts%252Fapp", "private/group%2Fartifacts%2Fapp")


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [repository["name"] for repository in response.json()]


def test_a_repository_is_shown_from_its_first_manifest_on(admin: httpx.Client, registry: httpx.Client) -> None:
    push(registry, RepositoryName("private/app"), b"content")
    assert names(admin.get("/projects/private/repositories")) == []
    push_image(registry, "private/app", "1")
    (shown,) = admin.get("/projects/private/repositories").json()
    assert shown == admin.get("/projects/private/repositories/app").json()
    assert set(shown) == {"id", "project_id", "name", "artifact_count", "pull_count", "creation_time", "update_time"}
    assert (shown["name"], shown["artifact_count"], shown["pull_count"]) == ("private/app", 1, 0)


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (None, ["public/c"]),
        ("stranger", ["public/c"]),
        ("limited", ["public/c", "private/b", "private/a"]),
        ("admin", ["public/c", "private/b", "private/a"]),
    ],
)
def test_all_repositories_are_those_the_caller_sees(
    caller: Caller, registry: httpx.Client, who: str | None, expected: list[str]
) -> None:
    for number, name in enumerate(("private/a", "private/b", "public/c")):
        push_image(registry, name, "1", seed=number)
    assert names(caller(who).get("/repositories")) == expected
    assert names(caller(who).get("/repositories?sort=name")) == sorted(expected)
    page = caller(who).get("/repositories?page_size=1&q=name%3D~P")
    assert page.headers["X-Total-Count"] == str(len(expected))


@pytest.mark.parametrize(
    ("namespace", "right", "expected"),
    [
        ("private", "repository:list", ["public/c", "private/a"]),
        ("private", "repository:pull", ["public/c"]),
        ("/", "project:list", ["public/c"]),
        ("*", "label:list", ["public/c"]),
        ("*", "repository:list", ["public/c", "private/a"]),
    ],
)
def test_a_robot_lists_repositories_where_it_holds_that_right(
    admin: httpx.Client, registry: httpx.Client, as_robot: AsRobot, namespace: str, right: str, expected: list[str]
) -> None:
    for number, name in enumerate(("private/a", "public/c")):
        push_image(registry, name, "1", seed=number)
    listed = as_robot(make_robot(admin, "ci", entry(namespace, right))).get("/repositories")
    assert (names(listed), listed.headers["X-Total-Count"]) == (expected, str(len(expected)))


def test_a_project_lists_its_own(admin: httpx.Client, registry: httpx.Client) -> None:
    push_image(registry, "private/a", "1", seed=1)
    push_image(registry, "public/c", "1", seed=2)
    assert names(admin.get("/projects/private/repositories")) == ["private/a"]
    assert names(admin.get("/projects/private/repositories?q=name%3Dprivate%2Fb")) == []
    assert admin.get("/projects/nothing/repositories").status_code == 404


@pytest.mark.parametrize("path", NESTED[1:])
def test_slashes_in_names_are_encoded_once_or_twice(
    app: Flask, registry: httpx.Client, people: People, path: str
) -> None:
    push_image(registry, NESTED[0], "1")
    project, _, name = path.partition("/")
    inside = app.test_client()
    found = inside.get(f"/api/v2.0/projects/{project}/repositories/{name}", auth=people["admin"].credentials)
    assert found.json is not None
    assert found.json["name"] == NESTED[0]
    artifacts = inside.get(
        f"/api/v2.0/projects/{project}/repositories/{name}/artifacts", auth=people["admin"].credentials
    )
    assert artifacts.json is not None
    assert [tag["name"] for artifact in artifacts.json for tag in artifact["tags"]] == ["1"]


def test_slashes_survive_a_real_server(live_server: LiveServer, people: People) -> None:
    client = live_server.client
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    push_image(client, NESTED[0], "1")
    for path in NESTED[1:]:
        project, _, name = path.partition("/")
        found = client.get(f"/api/v2.0/projects/{project}/repositories/{name}/artifacts/1")
        assert found.status_code == 200, found.text
        assert found.json()["repository_name"] == NESTED[0]


def test_a_repository_is_deleted_with_all_in_it(admin: httpx.Client, registry: httpx.Client) -> None:
    push_image(registry, "private/app", "1")
    assert admin.delete("/projects/private/repositories/app").status_code == 200
    gone = admin.get("/projects/private/repositories/app")
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (404, "NOT_FOUND")
    assert admin.delete("/projects/private/repositories/app").status_code == 404
    assert admin.get("/projects/private").json()["repo_count"] == 0
    assert registry.get("/v2/private/app/manifests/1").status_code == 404


def test_a_description_is_replaced_and_nothing_else(admin: httpx.Client, registry: httpx.Client) -> None:
    push_image(registry, "private/app", "1")
    path = "/projects/private/repositories/app"
    before = admin.get(path).json()
    assert admin.put(path, json={"description": "a *text*", "name": "other", "pull_count": 9}).status_code == 200
    after = admin.get(path).json()
    assert after.pop("update_time") >= before.pop("update_time")
    assert after == before | {"description": "a *text*"}
    assert names(admin.get("/repositories", params={"q": "description=~text"})) == ["private/app"]
    assert admin.put(path, json={}).status_code == 200
    assert "description" not in admin.get(path).json()
    lines = admin.get("/projects/private/logs", params={"q": "operation=update"}).json()
    assert [(line["resource"], line["resource_type"]) for line in lines] == [("private/app", "repository")] * 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"[]", 422),
        (b'{"description": 1}', 422),
        (b'{"description": "\\u0000"}', 422),
        (b'{"description": "' + b"a" * (32 * 1024 + 1) + b'"}', 400),
        (b'{"description": "' + b"a" * (32 * 1024) + b'"}', 200),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_bad_descriptions_are_refused(admin: httpx.Client, registry: httpx.Client, body: bytes, status: int) -> None:
    push_image(registry, "private/app", "1")
    headers = {"Content-Type": "application/json"}
    answer = admin.put("/projects/private/repositories/app", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert status == 200 or "description" not in admin.get("/projects/private/repositories/app").json()
