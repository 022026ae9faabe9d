"""Upload sessions through the front door: the three client shapes, mounts, and everything clients do wrong."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access.roles import Role
from app.artifacts.models import ProjectBlob, Repository, RepositoryBlob
from app.context import Context, Ports
from app.core.errors import StorageFull
from app.db import gate
from app.projects.models import Project
from app.storage.models import Blob, Upload, ZeroReference
from tests.support.accounts import make_project, make_user
from tests.support.blobs import begin, content_of, digest_of, push

NAME = "library-test/app"


@pytest.fixture
def pusher(app: Flask, ports: Ports) -> Iterator[httpx.Client]:
    """A developer of the project, inside this process."""
    make_user(ports, "root", sysadmin=True)
    person = make_user(ports, "pusher")
    make_project(ports, "library-test", members={person: Role.DEVELOPER})
    transport = httpx.WSGITransport(app=app)
    with httpx.Client(transport=transport, base_url="http://registry.test", auth=person.credentials) as client:
        yield client


def error_code(answer: httpx.Response) -> str:
    code: str = answer.json()["errors"][0]["code"]
    return code


def shut_gate(ctx: Context) -> int:
    with ctx.write() as session:
        fence = gate.acquire(session, "collector", 60_000)
    assert fence is not None
    return fence


class TestShapes:
    def test_streamed_patch_then_empty_put(self, pusher: httpx.Client) -> None:
        content = content_of(700_000)
        location = begin(pusher, NAME)
        patched = pusher.patch(location, content=content)
        assert (patched.status_code, patched.headers["Range"]) == (202, "0-699999")
        assert patched.headers["Location"] == location
        done = pusher.put(location, params={"digest": digest_of(content)})
        assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest_of(content))
        assert pusher.get(done.headers["Location"]).content == content

    def test_monolithic_put(self, pusher: httpx.Client) -> None:
        content = content_of(1000)
        digest = push(pusher, NAME, content)
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").content == content

    def test_monolithic_post(self, pusher: httpx.Client) -> None:
        content = content_of(1000)
        done = pusher.post(f"/v2/{NAME}/blobs/uploads", params={"digest": digest_of(content)}, content=content)
        assert (done.status_code, done.headers["Location"]) == (201, f"/v2/{NAME}/blobs/{digest_of(content)}")

    def test_post_with_digest_and_no_body_asks_for_a_put(self, pusher: httpx.Client) -> None:
        started = pusher.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": digest_of(b"x")})
        assert (started.status_code, started.headers["Range"]) == (202, "0-0")

    @pytest.mark.parametrize("last_in_put", [True, False])
    def test_parts_with_content_range(self, pusher: httpx.Client, last_in_put: bool) -> None:
        content = content_of(3000)
        location = begin(pusher, NAME)
        cuts = [(0, 1000), (1000, 2000)] if last_in_put else [(0, 1000), (1000, 2000), (2000, 3000)]
        for start, stop in cuts:
            part = pusher.patch(location, content=content[start:stop], headers={"Content-Range": f"{start}-{stop - 1}"})
            assert (part.status_code, part.headers["Range"]) == (202, f"0-{stop - 1}")
        status = pusher.get(location)
        assert (status.status_code, status.headers["Range"]) == (204, f"0-{cuts[-1][1] - 1}")
        last = {"content": content[2000:], "headers": {"Content-Range": "bytes 2000-2999/*"}} if last_in_put else {}
        assert pusher.put(location, params={"digest": digest_of(content)}, **last).status_code == 201
        assert pusher.get(f"/v2/{NAME}/blobs/{digest_of(content)}").content == content

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_empty_blob_in_every_shape(self, pusher: httpx.Client, algorithm: str) -> None:
        digest = digest_of(b"", algorithm)
        assert pusher.put(begin(pusher, NAME), params={"digest": digest}).status_code == 201
        assert pusher.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": digest}).status_code == 201
        location = begin(pusher, NAME)
        assert pusher.patch(location, content=b"").headers["Range"] == "0-0"
        assert pusher.put(location, params={"digest": digest}).status_code == 201
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").content == b""

    @pytest.mark.parametrize("announced", [True, False])
    @pytest.mark.parametrize("shape", ["streamed", "monolithic", "split"])
    def test_sha512_announced_or_not(self, pusher: httpx.Client, announced: bool, shape: str) -> None:
        content, digest = content_of(300_000), digest_of(content_of(300_000), "sha512")
        location = begin(pusher, NAME, **({"digest-algorithm": "sha512"} if announced else {}))
        cut = {"streamed": len(content), "monolithic": 0, "split": 100_001}[shape]
        if cut:
            assert pusher.patch(location, content=content[:cut]).status_code == 202
        done = pusher.put(location, params={"digest": digest}, content=content[cut:])
        assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest)
        assert pusher.head(f"/v2/{NAME}/blobs/{digest}").headers["Docker-Content-Digest"] == digest

    def test_sha256_after_sha512_was_announced(self, pusher: httpx.Client) -> None:
        content = content_of(1000)
        location = begin(pusher, NAME, **{"digest-algorithm": "sha512"})
        pusher.patch(location, content=content)
        assert pusher.put(location, params={"digest": digest_of(content)}).status_code == 201

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(cuts=st.lists(st.integers(0, 5000), max_size=6), in_put=st.booleans(), algorithm=st.sampled_from(["sha256", "sha512"]))
    def test_any_chunking_gives_the_same_blob(
        self, pusher: httpx.Client, cuts: list[int], in_put: bool, algorithm: str
    ) -> None:
        content = content_of(5000, len(cuts))
        edges = [0, *sorted(cuts), 5000]
        parts = [content[start:stop] for start, stop in zip(edges, edges[1:], strict=False)]
        last = parts.pop() if in_put else b""
        location = begin(pusher, NAME)
        for part in parts:
            assert pusher.patch(location, content=part).status_code == 202
        digest = digest_of(content, algorithm)
        assert pusher.put(location, params={"digest": digest}, content=last).status_code == 201
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").content == content


class TestRows:
    def test_what_a_commit_writes(self, pusher: httpx.Client, ctx: Context) -> None:
        push(pusher, NAME, b"hello")
        with ctx.read() as session:
            blob = session.scalars(sa.select(Blob)).one()
            repository = session.scalars(sa.select(Repository)).one()
            assert (repository.name, repository.published) == (NAME, False)
            assert session.scalars(sa.select(RepositoryBlob.blob_id)).all() == [blob.id]
            assert session.scalars(sa.select(ProjectBlob.blob_id)).all() == [blob.id]
            assert session.execute(sa.select(ZeroReference.repository_id, ZeroReference.blob_id)).all() == [
                (repository.id, blob.id)
            ]
            assert session.scalar(sa.select(Project.storage_used).where(Project.id == repository.project_id)) == 5
            assert session.scalar(sa.select(Upload.digest)) == digest_of(b"hello")

    def test_the_loser_of_two_equal_uploads_leaves_no_bytes(self, pusher: httpx.Client, ports: Ports) -> None:
        push(pusher, NAME, b"same")
        push(pusher, "library-test/other", b"same")
        with ports.db.read() as session:
            keys = set(session.scalars(sa.select(Upload.key)))
            (live,) = session.scalars(sa.select(Blob.key))
            assert session.scalar(sa.select(Project.storage_used).where(Project.name == "library-test")) == 4
        assert [ports.storage.delete(key) for key in keys - {live}] == [False]
        assert pusher.get(f"/v2/library-test/other/blobs/{digest_of(b'same')}").content == b"same"

    def test_a_blob_that_is_being_deleted_is_pushed_anew(self, pusher: httpx.Client, ctx: Context) -> None:
        digest = push(pusher, NAME, b"phoenix")
        with ctx.write() as session:
            session.execute(sa.update(Blob).values(state="deleting"))
        assert pusher.head(f"/v2/{NAME}/blobs/{digest}").status_code == 404
        push(pusher, NAME, b"phoenix")
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").content == b"phoenix"


class TestRefusals:
    def test_wrong_digest_leaves_the_session_as_it_was(self, pusher: httpx.Client) -> None:
        location = begin(pusher, NAME)
        pusher.patch(location, content=b"abc")
        for body in (b"", b"def"):
            refused = pusher.put(location, params={"digest": digest_of(b"other")}, content=body)
            assert (refused.status_code, error_code(refused)) == (400, "DIGEST_INVALID")
            assert pusher.get(location).headers["Range"] == "0-2"
        assert pusher.put(location, params={"digest": digest_of(b"abcdef")}, content=b"def").status_code == 201

    @pytest.mark.parametrize("query", ["", "digest=", "digest=sha256:xyz", "digest=sha256:" + "A" * 64, "digest=md5:" + "a" * 32])
    def test_missing_or_malformed_digest(self, pusher: httpx.Client, query: str) -> None:
        refused = pusher.put(f"{begin(pusher, NAME)}?{query}", content=b"abc")
        assert (refused.status_code, error_code(refused)) == (400, "DIGEST_INVALID")

    def test_unknown_algorithm_at_the_start(self, pusher: httpx.Client) -> None:
        refused = pusher.post(f"/v2/{NAME}/blobs/uploads/", params={"digest-algorithm": "blake3"})
        assert (refused.status_code, error_code(refused)) == (400, "DIGEST_INVALID")

    def test_wrong_monolithic_post_leaves_nothing(self, pusher: httpx.Client, ctx: Context) -> None:
        refused = pusher.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": digest_of(b"other")}, content=b"abc")
        assert (refused.status_code, error_code(refused)) == (400, "DIGEST_INVALID")
        with ctx.read() as session:
            assert session.scalars(sa.select(Upload.id)).all() == []

    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    @pytest.mark.parametrize("content_range", ["0-2", "4-6", "nonsense", "6-3", "bytes=3-5"])
    def test_part_out_of_place(self, pusher: httpx.Client, method: str, content_range: str) -> None:
        location = begin(pusher, NAME)
        pusher.patch(location, content=b"abc", headers={"Content-Range": "0-2"})
        refused = pusher.request(
            method, location, params={"digest": digest_of(b"abcdef")}, content=b"def", headers={"Content-Range": content_range}
        )
        assert (refused.status_code, error_code(refused)) == (416, "RANGE_INVALID")
        assert (refused.headers["Range"], refused.headers["Location"]) == ("0-2", location)
        assert pusher.get(location).headers["Range"] == "0-2"

    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    def test_span_and_length_contradict(self, pusher: httpx.Client, method: str) -> None:
        location = begin(pusher, NAME)
        refused = pusher.request(
            method, location, params={"digest": digest_of(b"abc")}, content=b"abc", headers={"Content-Range": "0-9"}
        )
        assert (refused.status_code, error_code(refused)) == (400, "SIZE_INVALID")
        assert pusher.get(location).headers["Range"] == "0-0"

    def test_body_shorter_than_declared_keeps_what_arrived(self, pusher: httpx.Client) -> None:
        location = begin(pusher, NAME)
        refused = pusher.patch(location, content=iter([b"abc"]), headers={"Content-Length": "10"})
        assert (refused.status_code, error_code(refused)) == (400, "SIZE_INVALID")
        assert pusher.get(location).headers["Range"] == "0-2"
        pusher.patch(location, content=b"def", headers={"Content-Range": "3-5"})
        assert pusher.put(location, params={"digest": digest_of(b"abcdef")}).status_code == 201

    def test_session_of_another_repository(self, pusher: httpx.Client) -> None:
        location = begin(pusher, NAME).replace(NAME, "library-test/other")
        for answer in (
            pusher.get(location),
            pusher.patch(location, content=b"abc"),
            pusher.put(location, params={"digest": digest_of(b"")}),
            pusher.delete(location),
        ):
            assert (answer.status_code, error_code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")

    def test_bytes_lost_by_the_storage(self, pusher: httpx.Client, ports: Ports) -> None:
        location = begin(pusher, NAME)
        pusher.patch(location, content=b"abc")
        with ports.db.read() as session:
            ports.storage.delete(session.scalars(sa.select(Upload.key)).one())
        for answer in (
            pusher.patch(location, content=b"def"),
            pusher.put(location, params={"digest": digest_of(b"abc")}),
            pusher.put(location, params={"digest": digest_of(b"abc", "sha512")}),
        ):
            assert (answer.status_code, error_code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


class TestEnds:
    def test_finished_session_answers_the_same_put(self, pusher: httpx.Client) -> None:
        content = content_of(1000)
        location = begin(pusher, NAME)
        for _ in range(2):
            assert pusher.put(location, params={"digest": digest_of(content)}, content=content).status_code == 201
        assert pusher.put(location, params={"digest": digest_of(content)}).status_code == 201
        refused = pusher.put(location, params={"digest": digest_of(b"other")})
        assert (refused.status_code, error_code(refused)) == (400, "DIGEST_INVALID")
        for answer in (pusher.get(location), pusher.patch(location, content=b"x"), pusher.delete(location)):
            assert (answer.status_code, error_code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")

    def test_finished_session_is_forgotten_after_ten_minutes(self, pusher: httpx.Client, ctx: Context) -> None:
        location = begin(pusher, NAME)
        pusher.put(location, params={"digest": digest_of(b"abc")}, content=b"abc")
        with ctx.write() as session:
            session.execute(sa.update(Upload).values(update_time=datetime.now(UTC) - timedelta(minutes=11)))
        assert pusher.put(location, params={"digest": digest_of(b"abc")}).status_code == 404

    def test_cancel(self, pusher: httpx.Client, ports: Ports) -> None:
        location = begin(pusher, NAME)
        pusher.patch(location, content=b"abc")
        with ports.db.read() as session:
            key = session.scalars(sa.select(Upload.key)).one()
        assert pusher.delete(location).status_code == 204
        assert ports.storage.delete(key) is False
        for answer in (pusher.delete(location), pusher.get(location), pusher.patch(location, content=b"x")):
            assert (answer.status_code, error_code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


class TestGate:
    @pytest.mark.parametrize("body", [b"", b"def"])
    def test_put_refused_by_a_lease_succeeds_when_sent_again(self, pusher: httpx.Client, ctx: Context, body: bytes) -> None:
        location = begin(pusher, NAME)
        pusher.patch(location, content=b"abc")
        fence = shut_gate(ctx)
        refused = pusher.put(location, params={"digest": digest_of(b"abc" + body)}, content=body)
        assert (refused.status_code, error_code(refused)) == (503, "UNAVAILABLE")
        assert int(refused.headers["Retry-After"]) > 0
        with ctx.write() as session:
            gate.release(session, "collector", fence)
        assert pusher.put(location, params={"digest": digest_of(b"abc" + body)}, content=body).status_code == 201

    def test_monolithic_put_sent_again_whole(self, pusher: httpx.Client, ctx: Context) -> None:
        content, location = content_of(600_000), begin(pusher, NAME)
        fence = shut_gate(ctx)
        assert pusher.put(location, params={"digest": digest_of(content)}, content=content).status_code == 503
        with ctx.write() as session:
            gate.release(session, "collector", fence)
        assert pusher.put(location, params={"digest": digest_of(content)}, content=content).status_code == 201

    def test_post_is_refused_early_and_a_part_goes_on(self, pusher: httpx.Client, ctx: Context) -> None:
        location = begin(pusher, NAME)
        shut_gate(ctx)
        assert pusher.post(f"/v2/{NAME}/blobs/uploads/").status_code == 503
        assert pusher.patch(location, content=b"abc").status_code == 202
        assert pusher.delete(location).status_code == 204

    def test_the_switch_denies(self, pusher: httpx.Client, ctx: Context) -> None:
        with ctx.write() as session:
            gate.switch(session, on=True)
        refused = pusher.post(f"/v2/{NAME}/blobs/uploads/")
        assert (refused.status_code, error_code(refused)) == (403, "DENIED")


class TestMounts:
    def mount(self, client: httpx.Client, digest: str, source: str | None) -> httpx.Response:
        query = {"mount": digest} | ({"from": source} if source else {})
        return client.post("/v2/library-test/target/blobs/uploads/", params=query)

    @pytest.mark.parametrize("source", [NAME, None])
    def test_from_a_readable_repository(self, pusher: httpx.Client, ctx: Context, source: str | None) -> None:
        digest = push(pusher, NAME, b"shared")
        done = self.mount(pusher, digest, source)
        assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest)
        assert pusher.get(done.headers["Location"]).content == b"shared"
        with ctx.read() as session:
            assert session.scalar(sa.select(Project.storage_used).where(Project.name == "library-test")) == 6

    @pytest.mark.parametrize("source", ["secret/app", None])
    def test_not_from_one_that_the_caller_may_not_read(
        self, pusher: httpx.Client, ports: Ports, app: Flask, source: str | None
    ) -> None:
        other = make_user(ports, "other")
        make_project(ports, "secret", members={other: Role.DEVELOPER})
        with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://registry.test", auth=other.credentials) as client:
            digest = push(client, "secret/app", b"hidden")
        answer = self.mount(pusher, digest, source)
        assert (answer.status_code, answer.headers["Range"]) == (202, "0-0")
        assert pusher.head(f"/v2/library-test/target/blobs/{digest}").status_code == 404

    def test_from_another_public_project(self, pusher: httpx.Client, ports: Ports, app: Flask) -> None:
        other = make_user(ports, "other")
        make_project(ports, "open", public=True, members={other: Role.DEVELOPER})
        with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://registry.test", auth=other.credentials) as client:
            digest = push(client, "open/app", b"open")
        assert self.mount(pusher, digest, "open/app").status_code == 201

    @pytest.mark.parametrize(
        ("digest", "source"),
        [(digest_of(b"absent"), NAME), (digest_of(b"absent"), None), ("sha256:short", NAME), (digest_of(b"x"), "Not/A Name")],
    )
    def test_what_cannot_be_mounted_starts_a_session(self, pusher: httpx.Client, digest: str, source: str | None) -> None:
        answer = self.mount(pusher, digest, source)
        assert answer.status_code == 202
        assert pusher.put(answer.headers["Location"], params={"digest": digest_of(b"x")}, content=b"x").status_code == 201


class TestTwoClients:
    def test_one_writes_and_the_other_is_told(self, pusher: httpx.Client) -> None:
        location = begin(pusher, NAME)
        first_wrote, second_done = threading.Event(), threading.Event()
        answers: list[httpx.Response] = []

        def slow() -> Iterator[bytes]:
            yield b"abc"
            first_wrote.set()
            second_done.wait(20)
            yield b"def"

        body = _Trickle(slow())
        thread = threading.Thread(target=lambda: answers.append(_patch_slowly(pusher, location, body)))
        thread.start()
        assert first_wrote.wait(20)
        refusals = [
            pusher.patch(location, content=b"xyz"),
            pusher.put(location, params={"digest": digest_of(b"xyz")}, content=b"xyz"),
            pusher.put(location, params={"digest": digest_of(b"")}),
        ]
        second_done.set()
        thread.join(20)
        assert [(answer.status_code, error_code(answer)) for answer in refusals] == [(416, "RANGE_INVALID")] * 3
        assert [answer.status_code for answer in answers] == [202]
        assert pusher.put(location, params={"digest": digest_of(b"abcdef")}).status_code == 201


class _Trickle:
    """A request body that the application reads as it comes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, _size: int) -> bytes:
        return next(self._pieces, b"")


def _patch_slowly(client: httpx.Client, location: str, body: _Trickle) -> httpx.Response:
    transport = client._transport
    assert isinstance(transport, httpx.WSGITransport)
    inner = transport.app

    def app(environ: dict[str, object], start_response: object) -> object:
        return inner(environ | {"wsgi.input": body}, start_response)  # type: ignore[arg-type]

    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url=client.base_url, auth=client.auth) as other:  # type: ignore[arg-type]
        return other.patch(location, content=b"abcdef")


def test_storage_full_keeps_the_session(
    pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, location = content_of(600_000), begin(pusher, NAME)
    pusher.patch(location, content=content[:1000])
    writer_class = type(ports.storage.append(f"zz/{'0' * 8}", 0))
    genuine = writer_class.write

    def full(writer: object, part: memoryview) -> None:
        genuine(writer, part[: len(part) // 2])
        raise StorageFull("no space left on device", retry_after=30)

    with monkeypatch.context() as patched:
        patched.setattr(writer_class, "write", full)
        refused = pusher.patch(location, content=content[1000:])
        assert (refused.status_code, error_code(refused)) == (503, "UNAVAILABLE")
    assert pusher.get(location).headers["Range"] == "0-999"
    assert pusher.patch(location, content=content[1000:]).status_code == 202
    assert pusher.put(location, params={"digest": digest_of(content)}).status_code == 201
