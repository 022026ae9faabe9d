"""Manifests from clients that mean harm or are broken: refused by the protocol's codes, never a 500."""

import json
import os
import signal
import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access.roles import Role
from app.artifacts.models import Artifact, Repository
from app.context import Context, Ports
from tests.protocol.conftest import InProcess
from tests.support.accounts import Person, make_project, make_user
from tests.support.blobs import digest_of, push
from tests.support.manifests import EMPTY, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, artifact, descriptor, put
from tests.support.queries import counted_statements
from tests.support.server import LiveServer
from tests.support.tokens import bearer

NAME = "library-test/app"
on_one_installation = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=10)
    | st.sampled_from([digest_of(EMPTY), OCI_EMPTY, 2]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "mediaType": st.just(OCI_EMPTY) | anything,
        "digest": st.just(digest_of(EMPTY)) | anything,
        "size": st.just(2) | anything,
        "annotations": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2) | anything,
        "platform": st.dictionaries(st.text(max_size=5), anything, max_size=2) | anything,
    },
)
documents = st.fixed_dictionaries(
    {"schemaVersion": st.just(2) | anything},
    optional={
        "config": st.just(descriptor(EMPTY, OCI_EMPTY)) | entries,
        "layers": st.lists(st.just(descriptor(EMPTY, OCI_EMPTY)) | entries, max_size=2),
        "manifests": st.lists(st.just(descriptor(EMPTY, OCI_EMPTY)) | entries, max_size=2),
        "subject": st.just(descriptor(b"x", OCI_MANIFEST)) | entries,
        "artifactType": anything,
        "annotations": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2) | anything,
    },
)
kinds = st.sampled_from([OCI_MANIFEST, OCI_INDEX, "application/vnd.example+json", "?", ""])


@on_one_installation
@given(document=documents, kind=kinds)
def test_any_document_is_taken_or_refused(
    pusher: httpx.Client, in_process: InProcess, document: object, kind: str
) -> None:
    pusher = in_process(pusher)
    push(pusher, NAME, EMPTY)
    answer = put(pusher, NAME, json.dumps(document).encode(), "v1", kind or " ")
    assert answer.status_code in (201, 400), answer.text
    if answer.status_code == 201:
        digest = answer.headers["Docker-Content-Digest"]
        assert pusher.get(f"/v2/{NAME}/manifests/{digest}").json() == document
        subject = answer.headers.get("OCI-Subject")
        listed = subject and pusher.get(f"/v2/{NAME}/referrers/{subject}").json()["manifests"]
        assert listed is None or digest in [each["digest"] for each in listed]


@sqlite_only
@on_one_installation
@given(body=st.binary(max_size=64), reference=st.text(max_size=140), name=st.text(max_size=40))
def test_any_place_and_body_is_refused_in_kind(pusher: httpx.Client, body: bytes, reference: str, name: str) -> None:
    for place in (
        f"/v2/library-test/{quote(name, safe='/')}/manifests/v1",
        f"/v2/{NAME}/manifests/{quote(reference, safe='')}",
        f"/v2/{NAME}/referrers/{quote(reference, safe='')}",
        f"/v2/{NAME}/tags/list?last={quote(reference)}&n={quote(name)}",
    ):
        assert pusher.get(place).status_code < 500
        assert pusher.put(place, content=body).status_code < 500
        assert pusher.delete(place).status_code < 500


@pytest.fixture
def live(live_server: LiveServer, ports: Ports) -> Iterator[httpx.Client]:
    """A maintainer of the project, through a real server."""
    make_user(ports, "root", sysadmin=True)
    person = make_user(ports, "pusher")
    make_project(ports, "library-test", members={person: Role.MAINTAINER})
    live_server.client.auth = person.credentials
    yield live_server.client
    assert "Traceback" not in live_server.log.read_text()


@sqlite_only
def test_bodies_in_chunks_and_bodies_too_large(live: httpx.Client) -> None:
    push(live, NAME, EMPTY)
    manifest = artifact()
    kind = {"Content-Type": OCI_MANIFEST}
    pieces = (manifest[start : start + 7] for start in range(0, len(manifest), 7))
    assert live.put(f"/v2/{NAME}/manifests/v1", content=pieces, headers=kind).status_code == 201
    assert live.get(f"/v2/{NAME}/manifests/v1").content == manifest
    head = live.head(f"/v2/{NAME}/manifests/v1")
    assert int(head.headers["Content-Length"]) == len(manifest)
    for body in (b"x" * (5 << 20), (b"x" * 65536 for _ in range(80))):
        answer = live.put(f"/v2/{NAME}/manifests/v2", content=body, headers=kind)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "MANIFEST_INVALID")
    assert live.get(f"/v2/{NAME}/manifests/v1", headers={"If-None-Match": digest_of(manifest)}).status_code == 304


@sqlite_only
def test_pulls_of_a_real_server_are_counted_soon(live: httpx.Client, ctx: Context) -> None:
    push(live, NAME, EMPTY)
    put(live, NAME, artifact(), "v1")
    for _ in range(7):
        assert live.get(f"/v2/{NAME}/manifests/v1").status_code == 200
    counted = pulls(ctx)
    for _ in range(100):
        if counted == (7, True):
            break
        time.sleep(0.1)
        counted = pulls(ctx)
    assert counted == (7, True)


def pulls(ctx: Context) -> tuple[int, bool]:
    with ctx.read() as session:
        row = session.execute(sa.select(Repository.pull_count, Artifact.pull_time).join(Artifact)).one()
    return row.pull_count, row.pull_time is not None


def test_a_warm_pull_with_a_token_is_one_statement(pusher: httpx.Client, ports: Ports, client: httpx.Client) -> None:
    push(pusher, NAME, EMPTY)
    manifest = artifact()
    put(pusher, NAME, manifest, "v1")
    header = bearer(client, Person(id=0, name="pusher"), f"repository:{NAME}:pull")
    for reference in ("v1", digest_of(manifest)):
        place = f"/v2/{NAME}/manifests/{reference}"
        assert client.get(place, headers=header).status_code == 200
        ports.pulls.flush(Context(ports))  # type: ignore[attr-defined]
        with counted_statements(ports.db) as statements:
            assert client.head(place, headers=header).content == b""
            assert client.get(place, headers=header).content == manifest
        reads = [each for each in statements if each.startswith("SELECT")]
        assert len(reads) == 2, reads


@sqlite_only
def test_pulls_are_written_when_the_server_is_told_to_stop(
    live: httpx.Client, live_server: LiveServer, ctx: Context
) -> None:
    push(live, NAME, EMPTY)
    put(live, NAME, artifact(), "v1")
    live.get(f"/v2/{NAME}/manifests/v1")
    os.kill(live_server.pid, signal.SIGTERM)
    for _ in range(100):
        if pulls(ctx) == (1, True):
            break
        time.sleep(0.1)
    assert pulls(ctx) == (1, True)
