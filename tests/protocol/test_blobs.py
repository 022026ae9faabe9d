"""Blobs through the front door: reading whole and in part, asking for, claiming, deleting, and who may see what."""

from datetime import UTC, datetime

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.artifacts.models import Artifact, ArtifactBlob, ProjectBlob, Repository, RepositoryBlob
from app.context import Context, Ports
from app.core.errors import RangeInvalid
from app.db import gate
from app.projects.models import Project
from app.registry import ranges
from app.storage.models import Blob, ZeroReference
from tests.protocol.conftest import Connect
from tests.support.accounts import make_project, make_user
from tests.support.blobs import content_of, digest_of, push

NAME = "library-test/app"
WINDOW_MS = 2 * 3600 * 1000


@pytest.fixture
def guest(pusher: httpx.Client, connect: Connect, ports: Ports) -> httpx.Client:
    """Somebody who may pull what is public, from the project ``open`` too, and not push."""
    make_project(ports, "open", public=True)
    return connect(make_user(ports, "guest"))


def claim_left(ctx: Context) -> int:
    with ctx.read() as session:
        return session.scalars(sa.select(Blob.claimed_until)).one() - int(datetime.now(UTC).timestamp() * 1000)


def set_claim(ctx: Context, left_ms: int) -> None:
    with ctx.write() as session:
        session.execute(sa.update(Blob).values(claimed_until=int(datetime.now(UTC).timestamp() * 1000) + left_ms))


class TestReading:
    def test_whole(self, pusher: httpx.Client) -> None:
        content = content_of(300_000)
        digest = push(pusher, NAME, content)
        answer = pusher.get(f"/v2/{NAME}/blobs/{digest}", headers={"Accept-Encoding": "zstd;q=1.0, gzip;q=0.8"})
        assert (answer.status_code, answer.content) == (200, content)
        expected = {
            "content-type": "application/octet-stream",
            "content-length": "300000",
            "docker-content-digest": digest,
            "etag": f'"{digest}"',
            "accept-ranges": "bytes",
            "cache-control": "max-age=31536000",
        }
        assert {name: answer.headers[name] for name in expected} == expected
        assert "content-encoding" not in answer.headers
        head = pusher.head(f"/v2/{NAME}/blobs/{digest}")
        assert (head.status_code, head.content) == (200, b"")
        assert {name: head.headers[name] for name in expected} == expected

    @pytest.mark.parametrize(
        ("asked", "given_range", "length"),
        [
            ("bytes=500-1499", "bytes 500-1499/2048", 1000),
            ("bytes=500-", "bytes 500-2047/2048", 1548),
            ("bytes=-500", "bytes 1548-2047/2048", 500),
            ("bytes=-5000", "bytes 0-2047/2048", 2048),
            ("bytes=2000-5000", "bytes 2000-2047/2048", 48),
            ("bytes=0-0", "bytes 0-0/2048", 1),
        ],
    )
    def test_part(self, pusher: httpx.Client, asked: str, given_range: str, length: int) -> None:
        content = content_of(2048)
        digest = push(pusher, NAME, content)
        answer = pusher.get(f"/v2/{NAME}/blobs/{digest}", headers={"Range": asked})
        assert (answer.status_code, answer.headers["Content-Range"], len(answer.content)) == (206, given_range, length)
        start = int(given_range.split()[1].partition("-")[0])
        assert answer.content == content[start : start + length]
        head = pusher.head(f"/v2/{NAME}/blobs/{digest}", headers={"Range": asked})
        assert (head.status_code, head.headers["Content-Length"]) == (206, str(length))

    @pytest.mark.parametrize("asked", ["bytes=500-0", "bytes=5000-10000", "bytes=2048-", "bytes=-0"])
    def test_part_that_is_not_there(self, pusher: httpx.Client, asked: str) -> None:
        digest = push(pusher, NAME, content_of(2048))
        answer = pusher.get(f"/v2/{NAME}/blobs/{digest}", headers={"Range": asked})
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, "bytes */2048")
        assert answer.json()["errors"][0]["code"] == "RANGE_INVALID"

    @pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "lines=1-2", "bytes", "bytes=-", "bytes=a-b", ""])
    def test_ranges_that_are_ignored(self, pusher: httpx.Client, asked: str) -> None:
        digest = push(pusher, NAME, content_of(2048))
        answer = pusher.get(f"/v2/{NAME}/blobs/{digest}", headers={"Range": asked})
        assert (answer.status_code, len(answer.content)) == (200, 2048)

    def test_known_etag(self, pusher: httpx.Client) -> None:
        digest = push(pusher, NAME, b"abc")
        for tag in (digest, f'"{digest}"', f'W/"{digest}"', f'"other", "{digest}"', "*"):
            answer = pusher.get(f"/v2/{NAME}/blobs/{digest}", headers={"If-None-Match": tag})
            assert (answer.status_code, answer.content) == (304, b"")
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}", headers={"If-None-Match": '"other"'}).status_code == 200

    @pytest.mark.parametrize(
        ("reference", "status", "code"),
        [
            (digest_of(b"absent"), 404, "BLOB_UNKNOWN"),
            (digest_of(b"absent", "sha512"), 404, "BLOB_UNKNOWN"),
            ("sha256:short", 400, "DIGEST_INVALID"),
            ("sha256:" + "A" * 64, 400, "DIGEST_INVALID"),
            ("nonsense", 400, "DIGEST_INVALID"),
        ],
    )
    def test_what_is_not_there(self, pusher: httpx.Client, reference: str, status: int, code: str) -> None:
        answer = pusher.get(f"/v2/{NAME}/blobs/{reference}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)
        assert pusher.head(f"/v2/{NAME}/blobs/{reference}").status_code == status

    def test_missing_bytes_are_no_answer(self, pusher: httpx.Client, ports: Ports) -> None:
        digest = push(pusher, NAME, b"abc")
        with ports.db.read() as session:
            ports.storage.delete(session.scalars(sa.select(Blob.key)).one())
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").status_code == 503


class TestVisibility:
    def test_per_repository(self, pusher: httpx.Client) -> None:
        digest = push(pusher, NAME, b"here")
        push(pusher, "library-test/other", b"there")
        assert pusher.get(f"/v2/library-test/other/blobs/{digest}").status_code == 404
        assert pusher.get(f"/v2/library-test/none/blobs/{digest}").status_code == 404

    def test_private_to_others(self, pusher: httpx.Client, guest: httpx.Client, client: httpx.Client) -> None:
        for digest in (push(pusher, NAME, b"private"), digest_of(b"absent")):
            assert client.get(f"/v2/{NAME}/blobs/{digest}").status_code == 401
            assert guest.get(f"/v2/{NAME}/blobs/{digest}").status_code == 403


class TestClaims:
    def test_a_push_claims(self, pusher: httpx.Client, ctx: Context) -> None:
        push(pusher, NAME, b"abc")
        assert WINDOW_MS - 60_000 < claim_left(ctx) <= WINDOW_MS + 1000

    def test_a_pushers_head_claims_at_most_once_per_half_window(self, pusher: httpx.Client, ctx: Context) -> None:
        digest = push(pusher, NAME, b"abc")
        set_claim(ctx, WINDOW_MS // 2 + 60_000)
        assert pusher.head(f"/v2/{NAME}/blobs/{digest}").status_code == 200
        assert claim_left(ctx) < WINDOW_MS // 2 + 61_000
        set_claim(ctx, WINDOW_MS // 2 - 60_000)
        assert pusher.head(f"/v2/{NAME}/blobs/{digest}").status_code == 200
        assert claim_left(ctx) > WINDOW_MS - 60_000

    def test_the_gate_does_not_refuse_it(self, pusher: httpx.Client, ctx: Context) -> None:
        digest = push(pusher, NAME, b"abc")
        set_claim(ctx, 0)
        with ctx.write() as session:
            gate.acquire(session, "collector", 60_000)
        assert pusher.head(f"/v2/{NAME}/blobs/{digest}").status_code == 200
        assert claim_left(ctx) > WINDOW_MS - 60_000

    def test_reading_and_other_peoples_heads_do_not(
        self, pusher: httpx.Client, root: httpx.Client, guest: httpx.Client, client: httpx.Client, ctx: Context
    ) -> None:
        digest = push(root, "open/app", b"abc")
        set_claim(ctx, 0)
        assert root.get(f"/v2/open/app/blobs/{digest}").status_code == 200
        assert guest.head(f"/v2/open/app/blobs/{digest}").status_code == 200
        assert claim_left(ctx) <= 0


class TestDeletion:
    def test_takes_it_from_the_repository_only(self, pusher: httpx.Client, ctx: Context) -> None:
        digest = push(pusher, NAME, b"shared")
        push(pusher, "library-test/other", b"shared")
        assert pusher.delete(f"/v2/{NAME}/blobs/{digest}").status_code == 202
        for answer in (pusher.get(f"/v2/{NAME}/blobs/{digest}"), pusher.delete(f"/v2/{NAME}/blobs/{digest}")):
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "BLOB_UNKNOWN")
        assert pusher.get(f"/v2/library-test/other/blobs/{digest}").content == b"shared"
        with ctx.read() as session:
            used = sa.select(Project.storage_used).where(Project.name == "library-test")
            assert session.scalar(used) == 6
            assert len(session.scalars(sa.select(ZeroReference.id)).all()) == 2
        assert pusher.delete(f"/v2/library-test/other/blobs/{digest}").status_code == 202
        with ctx.read() as session:
            assert session.scalar(used) == 0
            assert session.scalars(sa.select(ProjectBlob.id)).all() == []
            assert session.scalars(sa.select(RepositoryBlob.id)).all() == []
            assert len(session.scalars(sa.select(ZeroReference.id)).all()) == 2

    def test_refused_while_an_artifact_refers_to_it(self, pusher: httpx.Client, ctx: Context) -> None:
        digest = push(pusher, NAME, b"layer")
        refer_to_everything(ctx)
        answer = pusher.delete(f"/v2/{NAME}/blobs/{digest}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "DENIED")
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").status_code == 200

    def test_refused_by_the_gate(self, pusher: httpx.Client, ctx: Context) -> None:
        digest = push(pusher, NAME, b"layer")
        with ctx.write() as session:
            gate.acquire(session, "collector", 60_000)
        assert pusher.delete(f"/v2/{NAME}/blobs/{digest}").status_code == 503

    def test_malformed_digest(self, pusher: httpx.Client) -> None:
        assert pusher.delete(f"/v2/{NAME}/blobs/sha256:short").status_code == 400

    def test_a_blob_with_a_reference_enters_no_queue_when_pushed_again(
        self, pusher: httpx.Client, ctx: Context
    ) -> None:
        push(pusher, NAME, b"layer")
        refer_to_everything(ctx)
        with ctx.write() as session:
            session.execute(sa.delete(ZeroReference))
        push(pusher, NAME, b"layer")
        with ctx.read() as session:
            assert session.scalars(sa.select(ZeroReference.id)).all() == []


def refer_to_everything(ctx: Context) -> None:
    """An artifact in the only repository that refers to every blob."""
    now = datetime.now(UTC)
    with ctx.write() as session:
        repository = session.scalars(sa.select(Repository)).one()
        artifact = Artifact(
            project_id=repository.project_id,
            repository_id=repository.id,
            digest=digest_of(b"manifest"),
            kind="IMAGE",
            manifest_media_type="application/vnd.oci.image.manifest.v1+json",
            size=0,
            manifest_size=0,
            push_time=now,
        )
        session.add(artifact)
        session.flush()
        for blob_id in session.scalars(sa.select(Blob.id)):
            session.add(
                ArtifactBlob(
                    artifact_id=artifact.id,
                    repository_id=repository.id,
                    project_id=repository.project_id,
                    blob_id=blob_id,
                )
            )


@given(size=st.integers(0, 5000), first=st.integers(0, 6000) | st.none(), last=st.integers(0, 6000) | st.none())
def test_requested_range_is_what_slicing_gives(size: int, first: int | None, last: int | None) -> None:
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    content = content_of(size)
    if not size or (first is None and last is None):
        expected = None
    elif first is None:
        expected = content[max(0, size - (last or 0)) :]
    else:
        expected = content[first : size if last is None else last + 1]
    try:
        asked = ranges.requested(header, size)
    except RangeInvalid:
        assert not expected
        return
    assert (content[asked[0] : asked[0] + asked[1]] if asked else None) == expected


@given(st.text(max_size=40))
def test_any_header_is_a_range_a_refusal_or_nothing(header: str) -> None:
    for requested in (True, False):
        try:
            start, length = (ranges.requested(header, 100) if requested else ranges.declared(header)) or (0, 1)
        except RangeInvalid:
            continue
        assert start >= 0
        assert length >= 1
