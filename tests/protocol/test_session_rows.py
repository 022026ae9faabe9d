"""The rows of upload sessions are bounded for each account: those that are open, and those that have ended."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from app.context import Ports
from app.projects.models import Project
from app.storage.models import Blob, Upload
from tests.support.blobs import begin, content_of, digest_of, push

NAME = "library-test/app"
KEPT, EVERY = 6, 4
AT_ONCE = 12


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"HARBOR_UPLOADS_PER_ACCOUNT": "3", "HARBOR_UPLOADS_PER_PROJECT": "4"}


def rows(ports: Ports, *where: sa.ColumnElement[bool]) -> int:
    return int(ports.db.rows(sa.select(sa.func.count()).select_from(Upload).where(*where))[0][0])


class TestOpen:
    @pytest.mark.parametrize("most", [3, 4])
    def test_requests_at_once_pass_no_bound(
        self, pusher: httpx.Client, root: httpx.Client, ports: Ports, most: int
    ) -> None:
        """Of an account, or of a project in which two push."""
        clients = [pusher] if most == 3 else [pusher, root]
        for _ in range(4):
            locations = [(client, begin(client, NAME)) for client in clients for _ in range(AT_ONCE)]
            with ThreadPoolExecutor(len(locations)) as pool:
                answers = list(pool.map(lambda each: each[0].patch(each[1], content=b"abc").status_code, locations))
            assert sorted(answers) == [202] * most + [429] * (len(locations) - most)
            assert rows(ports, Upload.digest.is_(None)) == most
            for (client, location), answer in zip(locations, answers, strict=True):
                if answer == 202:
                    assert client.delete(location).status_code == 204


def test_bytes_on_their_way_at_once_pass_no_limit(pusher: httpx.Client, ports: Ports) -> None:
    """What is declared is admitted as a whole before it comes, for one request after another."""
    with ports.db.write() as session:
        session.execute(sa.update(Project).where(Project.name == "library-test").values(storage_limit=1000))
    for _ in range(8):
        locations = [begin(pusher, NAME) for _ in range(3)]
        with ThreadPoolExecutor(len(locations)) as pool:
            answers = list(pool.map(lambda each: pusher.patch(each, content=content_of(600)).status_code, locations))
        assert sorted(answers) == [202, 403, 403]
        assert pusher.delete(locations[answers.index(202)]).status_code == 204


class TestEnded:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if thousands were few."""
        monkeypatch.setattr("app.artifacts.session_rows.ENDED_KEPT", KEPT, raising=False)
        monkeypatch.setattr("app.artifacts.session_rows._LOOKED_EVERY", EVERY, raising=False)

    @pytest.mark.parametrize("kind", ["small", "the same again", "in parts", "parts again", "cancelled", "given up"])
    def test_the_oldest_are_forgotten(self, pusher: httpx.Client, root: httpx.Client, ports: Ports, kind: str) -> None:
        for seed in range(EVERY - 1):
            self._end(root, "small", 100 + seed)
        still = begin(pusher, NAME)
        assert pusher.patch(still, content=b"abc").status_code == 202
        mine = Upload.account == ports.db.rows(sa.select(Upload.account).where(Upload.digest.is_(None)))[0][0]
        for seed in range(4 * KEPT):
            self._end(pusher, kind, seed)
            assert rows(ports, mine, Upload.digest.is_not(None)) <= KEPT + EVERY
        assert rows(ports, ~mine) == EVERY - 1, "those of others are theirs"
        assert pusher.get(still).headers["Range"] == "0-2"
        assert pusher.put(still, params={"digest": digest_of(b"abc")}).status_code == 201
        stored = [path for path in ports.settings.storage.path.rglob("*") if path.is_file()]
        assert len(stored) == ports.db.rows(sa.select(sa.func.count()).select_from(Blob))[0][0]
        for seed in range(4 * KEPT if kind in ("small", "in parts") else 0):
            pulled = pusher.get(f"/v2/{NAME}/blobs/{digest_of(content_of(10, seed))}")
            assert pulled.content == content_of(10, seed)

    def test_the_newest_are_answered_for(self, pusher: httpx.Client) -> None:
        for seed in range(3 * KEPT):
            body = content_of(10, seed)
            location = begin(pusher, NAME)
            for _ in range(2):
                assert pusher.put(location, params={"digest": digest_of(body)}, content=body).status_code == 201
            assert pusher.get(location).status_code == 404

    def _end(self, client: httpx.Client, kind: str, seed: int) -> None:
        body = content_of(10, 0 if kind.endswith("again") else seed)
        if kind in ("small", "the same again"):
            push(client, NAME, body)
            return
        location = begin(client, NAME)
        if kind != "cancelled":
            assert client.patch(location, content=body).status_code == 202
        if kind in ("cancelled", "given up"):
            assert client.delete(location).status_code == 204
        else:
            assert client.put(location, params={"digest": digest_of(body)}).status_code == 201
