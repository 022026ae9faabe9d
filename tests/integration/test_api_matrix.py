"""Who may call what: every operation against every kind of caller, on a private and on a public project."""

from dataclasses import dataclass

import httpx
import pytest
from flask import Flask

from app.web.openapi import document
from tests.contract.api.compare import operations
from tests.integration.conftest import Caller
from tests.support.manifests import push_image
from tests.support.people import People

CALLERS = (None, "stranger", "limited", "guest", "developer", "maintainer", "master", "admin")
"""``stranger`` is a member of another project; nobody comes first, the mightiest last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call, and the answers to CALLERS in their order on a private and on a public project."""

    path: str
    private: tuple[int, ...]
    public: tuple[int, ...] | None = None
    body: dict[str, object] | None = None


def everybody(status: int) -> tuple[int, ...]:
    return (status,) * len(CALLERS)


def somebody(status: int) -> tuple[int, ...]:
    return (401, *(status,) * (len(CALLERS) - 1))


def members(status: int, stranger: int = 403) -> tuple[int, ...]:
    return (401, stranger, *(status,) * (len(CALLERS) - 2))


def from_maintainer(status: int) -> tuple[int, ...]:
    return (401, 403, 403, 403, 403, status, status, status)


def administrators(status: int) -> tuple[int, ...]:
    return (401, *(403,) * (len(CALLERS) - 2), status)


def from_master(status: int) -> tuple[int, ...]:
    return (401, 403, 403, 403, 403, 403, status, status)


_REPOSITORIES = "/projects/{project}/repositories"
MATRIX = {
    "getPing": Case(path="/ping", private=everybody(200)),
    "getHealth": Case(path="/health", private=everybody(200)),
    "getSystemInfo": Case(path="/systeminfo", private=everybody(200)),
    "getCurrentUserInfo": Case(path="/users/current", private=somebody(200)),
    "listProjects": Case(path="/projects", private=everybody(200)),
    "createProject": Case(path="/projects", private=somebody(409), body={"project_name": "private"}),
    "headProject": Case(path="/projects?project_name=private", private=somebody(200)),
    "getProject": Case(path="/projects/{project}", private=members(200), public=everybody(200)),
    "deleteProject": Case(path="/projects/{project}", private=from_master(412), public=from_master(412)),
    "listAllRepositories": Case(path="/repositories", private=everybody(200)),
    "listRepositories": Case(path=_REPOSITORIES, private=members(200), public=everybody(200)),
    "getRepository": Case(path=_REPOSITORIES + "/app", private=members(200), public=members(200)),
    "deleteRepository": Case(path=_REPOSITORIES + "/none", private=from_maintainer(404), public=from_maintainer(404)),
    "listArtifacts": Case(path=_REPOSITORIES + "/app/artifacts", private=members(200), public=everybody(200)),
    "getArtifact": Case(path=_REPOSITORIES + "/app/artifacts/1", private=members(200), public=everybody(200)),
    "deleteArtifact": Case(
        path=_REPOSITORIES + "/app/artifacts/none", private=from_maintainer(404), public=from_maintainer(404)
    ),
    "getGCHistory": Case(path="/system/gc", private=administrators(200)),
    "getGC": Case(path="/system/gc/777", private=administrators(404)),
    "stopGC": Case(path="/system/gc/777", private=administrators(404)),
    "getGCLog": Case(path="/system/gc/777/log", private=administrators(404)),
    "getGCSchedule": Case(path="/system/gc/schedule", private=administrators(200)),
    "createGCSchedule": Case(path="/system/gc/schedule", private=administrators(400), body={"parameters": {}}),
    "updateGCSchedule": Case(path="/system/gc/schedule", private=administrators(400), body={"parameters": {}}),
}


@pytest.fixture
def stocked(client: httpx.Client, people: People) -> None:
    """An image in the private and in the public project."""
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    for seed, project in enumerate(("private", "public")):
        push_image(client, f"{project}/app", "1", seed=seed)


def test_every_operation_has_its_answers(app: Flask) -> None:
    names = {operation["operationId"] for _, _, operation in operations(document(app))}
    assert names == MATRIX.keys()


@pytest.mark.usefixtures("stocked")
def test_every_caller_gets_the_answer_of_the_matrix(app: Flask, caller: Caller) -> None:
    methods = {operation["operationId"]: method for method, _, operation in operations(document(app))}
    clients = [caller(name) for name in CALLERS]
    wrong = []
    for name, case in MATRIX.items():
        for project, expected in (("private", case.private), ("public", case.public)):
            if expected is None:
                continue
            path = case.path.format(project=project)
            answers = tuple(client.request(methods[name], path, json=case.body).status_code for client in clients)
            if answers != expected:
                wrong.append(f"{name} on {project}: {answers}, expected {expected}")
    assert not wrong, "\n".join(wrong)
