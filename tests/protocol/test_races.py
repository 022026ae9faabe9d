"""Requests that race for one repository: the database's choice of who comes first is nobody's error."""

import itertools
import secrets
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from flask import Flask

from app.context import Ports
from app.core.errors import ConflictError, Contended, Overtaken
from app.db.database import retried
from tests.integration.content_rows import Rows, faults
from tests.support.accounts import make_project, make_user
from tests.support.blobs import begin, digest_of, push
from tests.support.manifests import CONFIG, OCI_MANIFEST, image, put

ROUNDS = 60
NAME = "racing/image"
Act = Callable[[httpx.Client], int]


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """Enough connections for every thread."""
    return environment | {"HARBOR_DATABASE_POOL_SIZE": "16"}


def _push_blob(client: httpx.Client) -> int:
    content = secrets.token_bytes(40)
    place = begin(client, NAME)
    return client.put(place, params={"digest": digest_of(content)}, content=content).status_code


def _push_shared_blob(client: httpx.Client) -> int:
    return client.put(begin(client, NAME), params={"digest": digest_of(CONFIG)}, content=CONFIG).status_code


def _mount(client: httpx.Client) -> int:
    query = {"mount": digest_of(CONFIG), "from": "racing/source"}
    return client.post(f"/v2/{NAME}/blobs/uploads/", params=query).status_code


def _push_manifest(client: httpx.Client) -> int:
    headers = {"Content-Type": OCI_MANIFEST}
    return client.put(f"/v2/{NAME}/manifests/latest", content=image(), headers=headers).status_code


def _copy(client: httpx.Client) -> int:
    query = {"from": f"racing/source@{digest_of(image())}"}
    return client.post("/api/v2.0/projects/racing/repositories/image/artifacts", params=query).status_code


def _copy_back(client: httpx.Client) -> int:
    query = {"from": f"{NAME}:latest"}
    return client.post("/api/v2.0/projects/racing/repositories/source/artifacts", params=query).status_code


def _unlink(client: httpx.Client) -> int:
    return client.delete(f"/v2/{NAME}/blobs/{digest_of(CONFIG)}").status_code


def _delete_manifest(client: httpx.Client) -> int:
    return client.delete(f"/v2/{NAME}/manifests/{digest_of(image())}").status_code


def _delete_repository(client: httpx.Client) -> int:
    return client.delete("/api/v2.0/projects/racing/repositories/image").status_code


ALLOWED: dict[Act, set[int]] = {
    _push_blob: {201},
    _push_shared_blob: {201},
    _mount: {201},
    _copy: {201},
    _copy_back: {201, 404},
    _push_manifest: {201, 400},
    _unlink: {202, 403, 404},
    _delete_manifest: {202, 404},
    _delete_repository: {200, 404},
}


def test_changes_of_one_repository_at_once(app: Flask, ports: Ports) -> None:
    racer = make_user(ports, "racer", sysadmin=True)
    make_project(ports, "racing")
    acts = [*ALLOWED, _push_blob, _delete_repository]
    start = threading.Barrier(len(acts))
    seen: dict[str, Counter[int]] = {act.__name__: Counter() for act in acts}

    def run(act: Act) -> None:
        transport = httpx.WSGITransport(app=app)
        with httpx.Client(transport=transport, base_url="http://registry.test", auth=racer.credentials) as client:
            if act is _mount:
                push(client, "racing/source", CONFIG)
                put(client, "racing/source", image())
            start.wait(60)
            for _ in range(ROUNDS):
                seen[act.__name__][act(client)] += 1

    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(run, act) for act in acts]:
            done.result()
    assert {name: set(counts) for name, counts in seen.items()} == {
        act.__name__: set(seen[act.__name__]) & allowed for act, allowed in ALLOWED.items()
    }, seen
    assert list(faults(Rows.of(ports))) == []


@pytest.mark.parametrize(("error", "last"), [(Overtaken, ConflictError), (Contended, Contended)])
def test_retries_are_bounded(error: type[Overtaken | Contended], last: type[Exception]) -> None:
    calls = itertools.count()

    @retried()
    def lose() -> None:
        next(calls)
        raise error

    with pytest.raises(last):
        lose()
    assert next(calls) == 5
