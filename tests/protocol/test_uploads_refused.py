"""Uploads that are refused, interrupted, repeated or fought over: the right error, and nothing lost."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.core.errors import StorageFull
from app.db import gate
from app.storage.driver import ObjectWriter
from app.storage.models import Upload
from tests.protocol.conftest import InProcess
from tests.support.blobs import begin, content_of, digest_of

NAME = "library-test/app"


def error_code(answer: httpx.Response) -> str:
    code: str = answer.json()["errors"][0]["code"]
    return code


def shut_gate(ctx: Context) -> int:
    with ctx.write() as session:
        fence = gate.acquire(session, "collector", 60_000)
    assert fence is not None
    return fence


class TestRefusals:
    def test_wrong_digest_leaves_the_session_as_it_was(self, pusher: httpx.Client) -> None:
        location = begin(pusher, NAME)
        pusher.patch(location, content=b"abc")
        for body in (b"", b"def"):
            refused = pusher.put(location, params={"digest": digest_of(b"other")}, content=body)
            assert (refused.status_code, error_code(refused)) == (400, "DIGEST_INVALID")
            assert pusher.get(location).headers["Range"] == "0-2"
        assert pusher.put(location, params={"digest": digest_of(b"abcdef")}, content=b"def").status_code == 201

    @pytest.mark.parametrize(
        "query", ["", "digest=", "digest=sha256:xyz", "digest=sha256:" + "A" * 64, "digest=md5:" + "a" * 32]
    )
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
            assert session.scalars(sa.select(Upload.digest)).all() == []

    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    @pytest.mark.parametrize("content_range", ["0-2", "4-6", "nonsense", "6-3", "bytes=3-5"])
    def test_part_out_of_place(self, pusher: httpx.Client, method: str, content_range: str) -> None:
        location = begin(pusher, NAME)
        pusher.patch(location, content=b"abc", headers={"Content-Range": "0-2"})
        refused = pusher.request(
            method,
            location,
            params={"digest": digest_of(b"abcdef")},
            content=b"def",
            headers={"Content-Range": content_range},
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

    def test_body_shorter_than_declared_keeps_what_arrived(self, pusher: httpx.Client, in_process: InProcess) -> None:
        location = begin(pusher, NAME)
        refused = in_process(pusher).patch(location, content=iter([b"abc"]), headers={"Content-Length": "10"})
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
        for answer in (
            pusher.delete(location),
            pusher.get(location),
            pusher.patch(location, content=b"x"),
            pusher.put(location, params={"digest": digest_of(b"abc")}),
        ):
            assert (answer.status_code, error_code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")
        with ports.db.read() as session:
            left = session.scalars(sa.select(Upload.key)).all()
        assert left == [key], "the purge still looks for bytes that a crash or a late writer left"


class TestGate:
    @pytest.mark.parametrize("body", [b"", b"def"])
    def test_put_refused_by_a_lease_succeeds_when_sent_again(
        self, pusher: httpx.Client, ctx: Context, body: bytes
    ) -> None:
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

    def test_all_that_adds_content_is_refused_early(self, pusher: httpx.Client, ctx: Context) -> None:
        location = begin(pusher, NAME)
        fence = shut_gate(ctx)
        for refused in (pusher.post(f"/v2/{NAME}/blobs/uploads/"), pusher.patch(location, content=b"abc")):
            assert (refused.status_code, error_code(refused)) == (503, "UNAVAILABLE")
            assert int(refused.headers["Retry-After"]) > 0
        with ctx.write() as session:
            gate.release(session, "collector", fence)
        assert pusher.patch(location, content=b"abc").headers["Range"] == "0-2"

    def test_the_switch_denies(self, pusher: httpx.Client, ctx: Context) -> None:
        location = begin(pusher, NAME)
        with ctx.write() as session:
            gate.switch(session, on=True)
        empty = {"digest": digest_of(b"")}
        for refused in (
            pusher.post(f"/v2/{NAME}/blobs/uploads/"),
            pusher.patch(location, content=b"abc"),
            pusher.put(location, params=empty),
        ):
            assert (refused.status_code, error_code(refused)) == (403, "DENIED")
        assert pusher.get(location).headers["Range"] == "0-0"
        assert pusher.delete(location).status_code == 204


class TestTwoClients:
    def test_one_writes_and_the_other_is_told(self, pusher: httpx.Client, ports: Ports) -> None:
        location = begin(pusher, NAME)
        second_done = threading.Event()
        answers: list[httpx.Response] = []

        def slow() -> Iterator[bytes]:
            yield b"abc"
            second_done.wait(20)
            yield b"def"

        thread = threading.Thread(target=lambda: answers.append(pusher.patch(location, content=slow())))
        thread.start()
        deadline = time.monotonic() + 20
        while not ports.db.rows(_OWNED):
            assert time.monotonic() < deadline
            time.sleep(0.01)
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


_OWNED = sa.select(Upload.id).where(Upload.lease_holder.is_not(None))


def test_storage_full_keeps_the_session(pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    content, location = content_of(600_000), begin(pusher, NAME)
    pusher.patch(location, content=content[:1000])
    writer_class = type(ports.storage.append(f"zz/{'0' * 8}", 0))
    genuine = writer_class.write

    def full(writer: ObjectWriter, part: memoryview) -> None:
        genuine(writer, part[: len(part) // 2])
        raise StorageFull("no space left on device", retry_after=30)

    with monkeypatch.context() as patched:
        patched.setattr(writer_class, "write", full)
        refused = pusher.patch(location, content=content[1000:])
        assert (refused.status_code, error_code(refused)) == (503, "UNAVAILABLE")
    assert pusher.get(location).headers["Range"] == "0-999"
    assert pusher.patch(location, content=content[1000:]).status_code == 202
    assert pusher.put(location, params={"digest": digest_of(content)}).status_code == 201
