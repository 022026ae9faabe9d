"""The transfer engine: leases, what survives whom, and hashing with and without saved states."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from app.context import Ports
from app.core import ids
from app.core.digest import Digest
from app.core.errors import DigestInvalid, RangeInvalid, SizeInvalid, UploadInvalid, UploadUnknown
from app.core.pausing import completed
from app.storage import hash_state, ingest, sessions
from app.storage.driver import ObjectWriter
from app.storage.drivers.filesystem import FilesystemDriver
from app.storage.drivers.memory import MemoryDriver
from app.storage.ingest import Body, Content, Ingest
from app.storage.models import Upload
from app.storage.sessions import UploadSession
from app.storage.store import BlobStore

CONTENT = bytes(range(256)) * 8


@pytest.fixture
def engine(ports: Ports) -> Ingest:
    return Ingest(ports.db, ports.storage, ports.clock)


@pytest.fixture(params=["native", "without libcrypto"])
def hashing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param != "native":
        monkeypatch.setattr(hash_state, "_functions_or_none", lambda _layout: None)


def begin(engine: Ingest, algorithm: str = "sha256") -> UploadSession:
    upload = UploadSession(
        id=ids.session_id(),
        repository="p/r",
        project_id=1,
        key=ids.object_key(),
        offset=0,
        algorithm=algorithm,
        hash_state=None,
        digest=None,
    )
    with engine.db.write() as session:
        sessions.insert(session, upload, sessions.Entry(account="user:1", now=datetime.now(UTC)))
    return upload


def again(engine: Ingest, upload: UploadSession) -> UploadSession:
    found = sessions.find_or_none(engine.db, upload.id, "p/r", datetime.now(UTC))
    assert found is not None
    return found


def parts(*contents: bytes) -> Iterator[memoryview]:
    for content in contents:
        yield memoryview(bytearray(content))


def pieces(*contents: bytes) -> Body:
    return Body(pieces=parts(*contents))


@contextmanager
def closed(engine: Ingest, upload: UploadSession, body: Body | None, digest: Digest) -> Iterator[Content]:
    """The whole content, for the caller to commit."""
    with engine.closing(upload, body, digest) as arriving:
        yield completed(arriving)


def finish(engine: Ingest, upload: UploadSession, last: bytes | None, digest: Digest | None = None) -> None:
    """Finish the session as its commit does; the digest is that of ``winner`` unless given."""
    body = None if last is None else pieces(last)
    with (
        closed(engine, upload, body, digest or Digest.of(b"winner")) as content,
        engine.db.write() as session,
    ):
        reached = sessions.Reached(offset=content.size, hash_state=None, update_time=datetime.now(UTC))
        sessions.finish(session, content.upload, content.holder, digest=content.digest, reached=reached)


def lease_left(engine: Ingest, upload: UploadSession) -> str | None:
    with engine.db.read() as session:
        return session.scalar(sa.select(Upload.lease_holder).where(Upload.id == upload.id))


def expire_lease(engine: Ingest, upload: UploadSession) -> None:
    with engine.db.write() as session:
        session.execute(sa.update(Upload).where(Upload.id == upload.id).values(lease_until=1))


@pytest.mark.usefixtures("hashing")
@pytest.mark.parametrize("running", ["sha256", "sha512"])
@pytest.mark.parametrize("named", ["sha256", "sha512"])
@pytest.mark.parametrize("last", [True, False])
def test_parts_and_any_digest(engine: Ingest, running: str, named: str, last: bool) -> None:
    upload = begin(engine, running)
    stop = 1500 if last else len(CONTENT)
    assert completed(engine.append(upload, pieces(CONTENT[:1], CONTENT[1:700]))) == 700
    assert completed(engine.append(again(engine, upload), pieces(CONTENT[700:stop]))) == stop
    body = pieces(CONTENT[stop:]) if last else None
    with closed(engine, again(engine, upload), body, Digest.of(CONTENT, named)) as content:
        assert (content.size, content.holder) == (len(CONTENT), lease_left(engine, upload))
        assert engine.store.size(upload.key) == len(CONTENT)
        assert engine.digest_of(upload.key, named, content.size) == content.digest


def test_no_second_reading_with_saved_states(engine: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = begin(engine)
    completed(engine.append(upload, pieces(CONTENT[:100])))
    monkeypatch.setattr(type(engine.store), "open", lambda *_: pytest.fail("read again"))
    with closed(engine, again(engine, upload), pieces(CONTENT[100:]), Digest.of(CONTENT)):
        pass


class TestLease:
    def test_of_another_request(self, engine: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the storage does not tell whether that one is alive, its lease counts until it ends."""
        monkeypatch.setattr(MemoryDriver, "tells_dead_writers", False)
        monkeypatch.setattr(FilesystemDriver, "tells_dead_writers", False)
        upload = begin(engine)
        assert sessions.lease(engine.db, upload, "other")
        with pytest.raises(RangeInvalid, match="another request"):
            completed(engine.append(upload, pieces(b"abc")))
        with pytest.raises(RangeInvalid), closed(engine, upload, pieces(b"abc"), Digest.of(b"abc")):
            pass
        expire_lease(engine, upload)
        assert completed(engine.append(upload, pieces(b"abc"))) == 3

    def test_of_a_dead_request(self, engine: Ingest) -> None:
        upload = begin(engine)
        completed(engine.append(upload, pieces(b"abc")))
        assert sessions.lease(engine.db, again(engine, upload), "dead")
        with pytest.raises(RangeInvalid, match="offset 3, not 0"):
            completed(engine.append(upload, pieces(b"abc")))
        assert lease_left(engine, upload) == "dead"
        assert completed(engine.append(again(engine, upload), pieces(b"def"))) == 6
        assert sessions.lease(engine.db, again(engine, upload), "dead again")
        finish(engine, again(engine, upload), None, Digest.of(b"abcdef"))

    def test_of_a_request_that_was_too_late(self, engine: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between its lease and its first look at the object another one takes over, and is at work."""
        upload, open_object = begin(engine), type(engine.store).append

        def be_late(store: BlobStore, key: str, offset: int) -> ObjectWriter:
            monkeypatch.undo()
            assert completed(engine.append(again(engine, upload), pieces(b"winner"))) == 6
            return open_object(store, key, offset)

        monkeypatch.setattr(type(engine.store), "append", be_late)
        with pytest.raises(RangeInvalid, match="offset 6, not 0"):
            completed(engine.append(upload, pieces(b"zombie")))
        assert engine.store.size(upload.key) == 6
        with pytest.raises(DigestInvalid):
            finish(engine, again(engine, upload), None, Digest.of(b"zombie"))
        finish(engine, again(engine, upload), None)

    def test_stale_offset(self, engine: Ingest) -> None:
        upload = begin(engine)
        completed(engine.append(upload, pieces(b"abc")))
        with pytest.raises(RangeInvalid, match="offset 3, not 0"):
            completed(engine.append(upload, pieces(b"abc")))

    def test_progress_is_stored_on_the_way(self, engine: Ingest, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a killed process leaves is at most one renewal old, and another goes on from there."""
        monkeypatch.setattr(ingest, "_RENEW_SECONDS", 0.02)
        upload, seen = begin(engine), []

        def body() -> Iterator[memoryview]:
            for part in parts(CONTENT[:500], CONTENT[500:1000], CONTENT[1000:]):
                yield part
                time.sleep(0.03)
                seen.append(again(engine, upload).offset)

        completed(engine.append(upload, Body(pieces=body())))
        assert seen[0] == 0
        assert seen[2] == 1000
        with closed(engine, again(engine, upload), None, Digest.of(CONTENT)):
            pass

    def test_who_slept_past_it_keeps_others_out_and_then_gives_up(
        self, engine: Ingest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ingest, "_RENEW_SECONDS", 0.01)
        upload = begin(engine)

        def body() -> Iterator[memoryview]:
            yield from parts(b"zombie")
            expire_lease(engine, upload)
            with pytest.raises(RangeInvalid, match="another request"):
                finish(engine, again(engine, upload), b"winner")
            time.sleep(0.02)
            yield from parts(b"zombie again")

        with pytest.raises(RangeInvalid, match="another request"):
            completed(engine.append(upload, Body(pieces=body())))
        other = again(engine, upload)
        assert (other.offset, lease_left(engine, upload)) == (0, None)
        finish(engine, other, b"winner")
        assert (engine.digest_of(upload.key, "sha256", 6), engine.store.size(upload.key)) == (Digest.of(b"winner"), 6)

    @pytest.mark.parametrize(
        "late",
        [
            pytest.param(lambda engine, stale, _: completed(engine.append(stale, pieces(b"zombie"))), id="append"),
            pytest.param(lambda engine, stale, digest: finish(engine, stale, None, digest), id="close"),
            pytest.param(
                lambda engine, stale, digest: finish(engine, stale, b"zombie", digest), id="close with a body"
            ),
        ],
    )
    @pytest.mark.parametrize("first", [b"", b"winn"])
    def test_who_slept_before_opening_the_object_changes_nothing(
        self,
        engine: Ingest,
        monkeypatch: pytest.MonkeyPatch,
        late: Callable[[Ingest, UploadSession, Digest], object],
        first: bytes,
    ) -> None:
        """Between its lease and its first look at the object another request takes over and finishes the session."""
        upload = begin(engine)
        if first:
            completed(engine.append(upload, pieces(first)))
        stale, open_object = again(engine, upload), type(engine.store).append

        def sleep_then_open(store: BlobStore, key: str, offset: int) -> ObjectWriter:
            monkeypatch.undo()
            expire_lease(engine, upload)
            finish(engine, again(engine, upload), b"winner"[len(first) :])
            return open_object(store, key, offset)

        monkeypatch.setattr(type(engine.store), "append", sleep_then_open)
        with pytest.raises(UploadUnknown):
            late(engine, stale, Digest.of(first))
        assert (engine.digest_of(upload.key, "sha256", 6), engine.store.size(upload.key)) == (Digest.of(b"winner"), 6)

    def test_cancelled_meanwhile(self, engine: Ingest) -> None:
        upload = begin(engine)

        def body() -> Iterator[memoryview]:
            yield from parts(b"abc")
            with engine.db.write() as session:
                assert sessions.cancel(session, upload, engine.clock.now())

        with pytest.raises(UploadUnknown):
            completed(engine.append(upload, Body(pieces=body())))


class TestEnds:
    @pytest.mark.parametrize("error", [UploadInvalid, KeyboardInterrupt])
    def test_an_append_keeps_what_arrived(self, engine: Ingest, error: type[BaseException]) -> None:
        upload = begin(engine)

        def body() -> Iterator[memoryview]:
            yield from parts(CONTENT[:1000])
            raise error

        with pytest.raises(error):
            completed(engine.append(upload, Body(pieces=body())))
        assert again(engine, upload).offset == 1000
        assert completed(engine.append(again(engine, upload), pieces(CONTENT[1000:]))) == len(CONTENT)
        with closed(engine, again(engine, upload), None, Digest.of(CONTENT)):
            pass

    @pytest.mark.parametrize("error", [UploadInvalid, KeyboardInterrupt])
    def test_a_closing_body_counts_only_when_committed(self, engine: Ingest, error: type[BaseException]) -> None:
        upload = begin(engine)
        completed(engine.append(upload, pieces(CONTENT[:1000])))

        def body() -> Iterator[memoryview]:
            yield from parts(CONTENT[1000:1100])
            raise error

        with pytest.raises(error), closed(engine, again(engine, upload), Body(pieces=body()), Digest.of(CONTENT)):
            pytest.fail("committed")
        with pytest.raises(DigestInvalid), closed(engine, again(engine, upload), pieces(b"x"), Digest.of(CONTENT)):
            pytest.fail("committed")
        with pytest.raises(error), closed(engine, again(engine, upload), pieces(CONTENT[1000:]), Digest.of(CONTENT)):
            raise error
        assert (again(engine, upload).offset, lease_left(engine, upload)) == (1000, None)
        with closed(engine, again(engine, upload), pieces(CONTENT[1000:]), Digest.of(CONTENT)):
            pass

    @pytest.mark.parametrize(("length", "kept"), [(5, 5), (7, 6)])
    def test_a_body_of_another_length(self, engine: Ingest, length: int, kept: int) -> None:
        upload = begin(engine)
        with pytest.raises(SizeInvalid):
            completed(engine.append(upload, Body(pieces=parts(b"abc", b"def"), length=length)))
        assert again(engine, upload).offset == kept
