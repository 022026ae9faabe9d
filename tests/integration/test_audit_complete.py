"""The audit log is complete: no operation that changes something goes without a row, done or refused."""

import re

import httpx
import pytest
from flask import Flask

from app.context import Ports
from app.events.catalog import audit_types
from app.web.openapi import document
from app.web.refused_changes import kind_of
from tests.contract.api.compare import operations
from tests.integration.changes import CHANGES, Change, Scene
from tests.integration.conftest import Caller
from tests.integration.test_every_change import written
from tests.support.manifests import push_image
from tests.support.people import People

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ELSEWHERE = {
    "deleteRepository": "needs content; test_content_is_written_down",
    "deleteArtifact": "as above",
    "createGCSchedule": "its rows are those of jobs: test_audit_of_jobs.py",
    "updateGCSchedule": "as above",
    "stopGC": "as above",
    "deleteArtifacts": "as above",
    "stopDeletion": "as above",
    "setCliSecret": "refused always, as there are no such secrets",
}
"""Changing operations that are no row of CHANGES, and why."""


@pytest.fixture
def scene(admin: httpx.Client, registry: httpx.Client, people: People, ports: Ports) -> Scene:
    """The people's installation."""
    return Scene(admin=admin, registry=registry, people=people, ports=ports)


def operation_of(app: Flask, method: str, path: str) -> str:
    """The operation of a path, whose template with the most fixed parts counts."""
    found = [
        (template.count("{"), operation["operationId"])
        for known, template, operation in operations(document(app))
        if known == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path)
    ]
    return str(min(found)[1])


def test_every_changing_operation_is_a_row_here_or_explained(app: Flask) -> None:
    changing = {
        operation["operationId"] for method, _, operation in operations(document(app)) if method not in ("GET", "HEAD")
    }
    asserted = {operation_of(app, change.method, change.path.partition("?")[0]) for change in CHANGES}
    missing = changing - asserted - ELSEWHERE.keys()
    assert not missing, f"these change something: add rows to CHANGES, which prove their audit rows: {sorted(missing)}"
    assert not asserted & ELSEWHERE.keys()
    assert ELSEWHERE.keys() <= changing
    assert {f"{operation}_{kind}" for operation, kind, _ in (change.row for change in CHANGES)} <= set(audit_types())


def test_every_route_that_changes_has_a_resource_type(app: Flask) -> None:
    unnamed = [
        path
        for method, path, _ in operations(document(app))
        if method not in ("GET", "HEAD") and f"update_{kind_of(path)}" == "update_operation"
    ]
    assert not unnamed, f"name what is changed there in app/web/refused_changes.py: {unnamed}"


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.method} {change.path}")
def test_a_refusal_is_written_down(scene: Scene, caller: Caller, change: Change) -> None:
    if change.method == "POST" and change.path == "/projects":
        scene.admin.put("/configurations", json={"project_creation_restriction": "adminonly"})
    path = change.path.format(id=change.made(scene) if change.made else "")
    before = written(scene.ports)
    answers = [caller("guest").request(change.method, path, json=change.body) for _ in range(3)]
    after = written(scene.ports)
    if answers[0].is_success:
        assert change.path.startswith("/users/{id}"), "only one's own account is changed by anybody"
        return
    assert {answer.status_code for answer in answers} <= {400, 403, 404}
    if 403 in {answer.status_code for answer in answers}:
        operation, kind, _ = change.row
        if kind == "tag":
            operation, kind = operation.replace("update", "create"), "artifact"
        new = after[: len(after) - len(before)]
        assert after[len(new) :] == before
        assert {(*row[:3], row[4]) for row in new} == {("guest", operation, kind, False)}
    assert anonymous_leaves_nothing(scene, caller, change.method, path)


def anonymous_leaves_nothing(scene: Scene, caller: Caller, method: str, path: str) -> bool:
    before = written(scene.ports)
    assert caller(None).request(method, path, json={}).status_code in (400, 401, 404, 422)
    return written(scene.ports) == before


def test_content_is_written_down(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    push_image(registry, "private/app", "1")
    push_image(registry, "private/app", "2", seed=2)
    assert admin.delete("/projects/private/repositories/app/artifacts/1").status_code == 200
    assert admin.delete("/projects/private/repositories/app").status_code == 200
    rows = [tuple(row[1:3]) for row in written(ports, done=True)[:4]]
    assert rows == [("delete", "repository"), ("delete", "artifact"), ("create", "artifact"), ("create", "artifact")]


def test_what_is_refused_again_is_written_once_a_minute(caller: Caller, ports: Ports) -> None:
    for _ in range(5):
        assert caller("guest").put("/projects/private", json={"metadata": {"public": "true"}}).status_code == 403
        assert caller("guest").get("/projects/777").status_code == 403
    refused = [row for row in written(ports) if not row[4]]
    assert refused == [("guest", "update", "project", "/projects/private", False)]


def test_conflicts_and_preconditions_are_refusals(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    push_image(registry, "private/app", "1")
    assert admin.post("/projects", json={"project_name": "private"}).status_code == 409
    assert admin.delete("/projects/private").status_code == 412
    assert admin.delete("/projects/777").status_code == 404
    assert admin.post("/projects", json={"project_name": "NO"}).status_code == 400
    refused = [row for row in written(ports) if not row[4]]
    assert refused == [
        ("admin", "delete", "project", "/projects/private", False),
        ("admin", "create", "project", "/projects", False),
    ]
