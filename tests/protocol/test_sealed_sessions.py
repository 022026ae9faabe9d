"""Upload sessions that hold nothing: no row says that they exist, and clients cannot tell."""

from collections.abc import Callable

import httpx
import pytest
import sqlalchemy as sa

from app.access.roles import Role
from app.artifacts.sealed_sessions import LIFE
from app.context import Context, Ports
from app.core.errors import StorageFull
from app.garbage.contracts import UPLOAD_PURGE_JOB, PurgeInput
from app.garbage.uploads import UploadPurge
from app.jobs.runs import JobRun
from app.projects.models import ProjectMember
from app.storage.models import Upload
from app.storage.store import BlobStore
from tests.protocol.conftest import Connect
from tests.support.accounts import make_user
from tests.support.blobs import begin, content_of, digest_of
from tests.support.clock import MovableClock
from tests.support.contents import code_of

NAME = "library-test/app"
CONTENT = content_of(1000)
DIGEST = digest_of(CONTENT)
_ASKED: dict[str, Callable[[httpx.Client, str], httpx.Response]] = {
    "GET": lambda client, location: client.get(location),
    "PATCH": lambda client, location: client.patch(location, content=b"abc"),
    "PATCH of nothing": lambda client, location: client.patch(location),
    "PUT": lambda client, location: client.put(location, params={"digest": DIGEST}, content=CONTENT),
    "PUT without a body": lambda client, location: client.put(location, params={"digest": digest_of(b"")}),
    "PUT of much": lambda client, location: client.put(
        location, params={"digest": digest_of(bytes(2_000_000))}, content=bytes(2_000_000)
    ),
    "DELETE": lambda client, location: client.delete(location),
}


@pytest.fixture(params=_ASKED)
def ask(request: pytest.FixtureRequest) -> Callable[[httpx.Client, str], httpx.Response]:
    """One of all that can be asked of a session."""
    return _ASKED[request.param]


def rows(ports: Ports) -> list[str | None]:
    return [row.digest for row in ports.db.rows(sa.select(Upload.digest))]


def purge(ctx: Context, asked: PurgeInput | None = None) -> None:
    run = JobRun(ctx, "upload-purge-0-1-abcdefgh", UPLOAD_PURGE_JOB.workflow)
    assert UploadPurge(run, asked or PurgeInput()).run(lambda: True).done


def finish(client: httpx.Client, location: str, content: bytes = CONTENT) -> int:
    return client.put(location, params={"digest": digest_of(content)}, content=content).status_code


def test_it_has_no_row_and_looks_as_any_other(pusher: httpx.Client, ports: Ports) -> None:
    started = pusher.post(f"/v2/{NAME}/blobs/uploads/")
    location = started.headers["Location"]
    assert (started.status_code, started.headers["Range"]) == (202, "0-0")
    assert location == f"/v2/{NAME}/blobs/uploads/{started.headers['Docker-Upload-UUID']}"
    for _ in range(2):
        status = pusher.get(location)
        assert (status.status_code, status.headers["Range"], status.headers["Location"]) == (204, "0-0", location)
    out_of_place = pusher.patch(location, content=b"abc", headers={"Content-Range": "5-7"})
    assert (out_of_place.status_code, out_of_place.headers["Range"]) == (416, "0-0")
    assert pusher.patch(location).headers["Range"] == "0-0"
    assert rows(ports) == []
    patched = pusher.patch(location, content=CONTENT[:10])
    assert (patched.status_code, patched.headers["Location"], patched.headers["Range"]) == (202, location, "0-9")
    assert rows(ports) == [None]
    assert finish(pusher, location, CONTENT[10:]) == 400
    assert pusher.put(location, params={"digest": DIGEST}, content=CONTENT[10:]).status_code == 201


class TestFinished:
    def test_it_answers_as_finished(self, pusher: httpx.Client, clock: MovableClock) -> None:
        location = begin(pusher, NAME)
        assert [finish(pusher, location) for _ in range(3)] == [201, 201, 201]
        assert pusher.put(location, params={"digest": DIGEST}).status_code == 201
        assert code_of(pusher.put(location, params={"digest": digest_of(b"x")}, content=b"x")) == (
            400,
            "DIGEST_INVALID",
        )
        assert [pusher.get(location).status_code, pusher.patch(location, content=b"x").status_code] == [404, 404]
        assert pusher.delete(location).status_code == 404
        clock.forward(11 * 60)
        assert finish(pusher, location) == 404

    def test_it_stays_so_after_the_purge(self, pusher: httpx.Client, ctx: Context, clock: MovableClock) -> None:
        location = begin(pusher, NAME)
        assert finish(pusher, location) == 201
        for _ in range(7):
            clock.forward(11 * 60)
            purge(ctx)
            assert pusher.get(location).status_code == 404
            assert finish(pusher, location) == 404
        assert rows(ctx.ports) == []

    def test_a_digest_that_is_wrong_leaves_it_open(self, pusher: httpx.Client, ports: Ports) -> None:
        location = begin(pusher, NAME)
        refused = pusher.put(location, params={"digest": digest_of(b"other")}, content=CONTENT)
        assert code_of(refused) == (400, "DIGEST_INVALID")
        detail = refused.json()["errors"][0]["detail"]
        assert detail == {"expected": digest_of(b"other"), "actual": DIGEST, "size": len(CONTENT)}
        assert rows(ports) == []
        assert finish(pusher, location) == 201


class TestGone:
    def test_cancelled(
        self, pusher: httpx.Client, ports: Ports, ask: Callable[[httpx.Client, str], httpx.Response]
    ) -> None:
        location = begin(pusher, NAME)
        assert pusher.delete(location).status_code == 204
        assert rows(ports) == [""]
        assert code_of(ask(pusher, location)) == (404, "BLOB_UPLOAD_UNKNOWN")

    def test_too_old(
        self, pusher: httpx.Client, clock: MovableClock, ask: Callable[[httpx.Client, str], httpx.Response]
    ) -> None:
        location = begin(pusher, NAME)
        clock.forward(LIFE.total_seconds() - 60)
        assert pusher.get(location).status_code == 204
        clock.forward(61)
        assert code_of(ask(pusher, location)) == (404, "BLOB_UPLOAD_UNKNOWN")

    def test_of_another_repository(
        self, pusher: httpx.Client, ask: Callable[[httpx.Client, str], httpx.Response]
    ) -> None:
        elsewhere = begin(pusher, NAME).replace(NAME, "library-test/other")
        assert code_of(ask(pusher, elsewhere)) == (404, "BLOB_UPLOAD_UNKNOWN")

    def test_of_another_account(
        self,
        pusher: httpx.Client,
        ports: Ports,
        connect: Connect,
        ask: Callable[[httpx.Client, str], httpx.Response],
    ) -> None:
        other = make_user(ports, "other")
        with ports.db.write() as session:
            member = session.scalars(sa.select(ProjectMember).where(ProjectMember.role == int(Role.MAINTAINER))).one()
            session.add(
                ProjectMember(
                    project_id=member.project_id,
                    entity_type="u",
                    entity_id=other.id,
                    entity_name="other",
                    role=member.role,
                    creation_time=member.creation_time,
                    update_time=member.update_time,
                )
            )
        assert code_of(ask(connect(other), begin(pusher, NAME))) == (404, "BLOB_UPLOAD_UNKNOWN")

    @pytest.mark.parametrize("at", [0, 10, 18, 20, 35])
    def test_changed_on_the_way(self, pusher: httpx.Client, at: int) -> None:
        head, _, upload_id = begin(pusher, NAME).rpartition("/")
        other = upload_id[:at] + ("A" if upload_id[at] != "A" else "B") + upload_id[at + 1 :]
        assert pusher.get(f"{head}/{other}").status_code == 404

    @pytest.mark.parametrize("text", ["x", "A" * 36, "A" * 37, "é" * 36, "a.b~c-d_" * 4 + "aaaa", "%00" * 12])
    def test_made_up(self, pusher: httpx.Client, text: str) -> None:
        assert pusher.get(f"/v2/{NAME}/blobs/uploads/{text}").status_code == 404


def test_what_the_purge_ended_does_not_come_back(pusher: httpx.Client, ctx: Context, clock: MovableClock) -> None:
    location = begin(pusher, NAME)
    assert pusher.patch(location, content=CONTENT).status_code == 202
    clock.forward(120)
    purge(ctx, PurgeInput(expiry_seconds=60))
    assert pusher.get(location).status_code == 404
    purge(ctx, PurgeInput(expiry_seconds=60))
    assert rows(ctx.ports) == [""]
    assert not [path for path in ctx.ports.settings.storage.path.rglob("*") if path.is_file()]
    clock.forward(LIFE.total_seconds())
    purge(ctx, PurgeInput(expiry_seconds=60))
    assert rows(ctx.ports) == []
    assert pusher.get(location).status_code == 404


class TestAtOnce:
    """Other requests come between a whole blob's arrival and its commit."""

    @pytest.fixture
    def meanwhile(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
        """Lets something happen when the next small object has been written."""

        def arrange(happening: Callable[[], None]) -> None:
            put = BlobStore.put

            def late(store: BlobStore, key: str, content: bytes) -> None:
                monkeypatch.setattr(BlobStore, "put", put)
                put(store, key, content)
                happening()

            monkeypatch.setattr(BlobStore, "put", late)

        return arrange

    def test_the_session_got_bytes(
        self, pusher: httpx.Client, ports: Ports, meanwhile: Callable[[Callable[[], None]], None]
    ) -> None:
        location = begin(pusher, NAME)
        meanwhile(lambda: self._expect(pusher.patch(location, content=CONTENT[:10]), 202))
        refused = pusher.put(location, params={"digest": DIGEST}, content=CONTENT)
        assert (refused.status_code, refused.headers["Range"]) == (416, "0-9")
        assert pusher.put(location, params={"digest": DIGEST}, content=CONTENT[10:]).status_code == 201
        assert self._files(ports) == 1

    def test_the_session_was_cancelled(
        self, pusher: httpx.Client, ports: Ports, meanwhile: Callable[[Callable[[], None]], None]
    ) -> None:
        location = begin(pusher, NAME)
        meanwhile(lambda: self._expect(pusher.delete(location), 204))
        assert finish(pusher, location) == 404
        assert self._files(ports) == 0

    def test_the_session_was_finished(
        self, pusher: httpx.Client, ports: Ports, meanwhile: Callable[[Callable[[], None]], None]
    ) -> None:
        """By the same request, as a client sends it again that has waited too long."""
        location = begin(pusher, NAME)
        meanwhile(lambda: self._expect(pusher.put(location, params={"digest": DIGEST}, content=CONTENT), 201))
        assert finish(pusher, location) in (201, 404)
        assert finish(pusher, location) == 201
        assert pusher.get(f"/v2/{NAME}/blobs/{DIGEST}").content == CONTENT
        assert self._files(ports) == 1

    def test_a_session_that_gets_bytes_is_cancelled(
        self, pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The cancelling request finds no row, and then one that has come."""
        location = begin(pusher, NAME)
        note = type(ports.db).note

        def late(*args: object) -> object:
            monkeypatch.setattr(type(ports.db), "note", note)
            self._expect(pusher.patch(location, content=CONTENT), 202)
            return note(*args)  # type: ignore[arg-type]  # handed on

        monkeypatch.setattr(type(ports.db), "note", late)
        assert pusher.delete(location).status_code == 204
        assert pusher.get(location).status_code == 404
        assert self._files(ports) == 0

    def _expect(self, answer: httpx.Response, status: int) -> None:
        assert answer.status_code == status, answer.text

    def _files(self, ports: Ports) -> int:
        return sum(path.is_file() for path in ports.settings.storage.path.rglob("*"))


def test_storage_that_refuses_leaves_it_open(
    pusher: httpx.Client, ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = begin(pusher, NAME)
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise StorageFull

        patch.setattr(BlobStore, "put", refuse)
        assert finish(pusher, location) == 503
    assert rows(ports) == []
    assert finish(pusher, location) == 201


@pytest.mark.parametrize("size", [1000, 2_000_000])
def test_put_sent_again_after_the_blob_was_deleted(pusher: httpx.Client, root: httpx.Client, size: int) -> None:
    """What is told with 201 can be pulled."""
    content = content_of(size)
    location = begin(pusher, NAME)
    assert [finish(pusher, location, content), finish(pusher, location, content)] == [201, 201]
    blob = f"/v2/{NAME}/blobs/{digest_of(content)}"
    assert root.delete(blob).status_code == 202
    answer = pusher.put(location, params={"digest": digest_of(content)}, content=content)
    assert code_of(answer) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert finish(pusher, begin(pusher, NAME), content) == 201
    assert pusher.get(blob).content == content
