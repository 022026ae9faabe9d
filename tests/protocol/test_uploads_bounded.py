"""What uploads may pile up: bytes on their way, open sessions, and what was deleted and not collected."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.access.roles import Role
from app.context import Ports
from app.projects.models import Project
from app.storage.models import Upload
from tests.protocol.conftest import Connect
from tests.support.accounts import make_project, make_user
from tests.support.blobs import SESSIONS, begin, content_of, digest_of, push
from tests.support.clock import MovableClock
from tests.support.server import LiveServer

NAME = "library-test/app"
MIB = 1024 * 1024


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"HARBOR_UPLOADS_PER_ACCOUNT": "3", "HARBOR_UPLOADS_PER_PROJECT": "4"}


def limit(ports: Ports, size: int, project: str = "library-test") -> None:
    with ports.db.write() as session:
        session.execute(sa.update(Project).where(Project.name == project).values(storage_limit=size))


def begin_with(client: httpx.Client, name: str, content: bytes = b"abc") -> str:
    """A session that holds bytes."""
    location = begin(client, name)
    assert client.patch(location, content=content).status_code == 202
    return location


def error_of(answer: httpx.Response) -> dict[str, Any]:
    error: dict[str, Any] = answer.json()["errors"][0]
    return error


def objects(ports: Ports) -> int:
    return sum(path.is_file() for path in ports.settings.storage.path.rglob("*"))


class TestBytesOnTheirWay:
    def test_a_part_beyond_what_is_left_is_denied_and_ends_the_session(
        self, pusher: httpx.Client, ports: Ports
    ) -> None:
        limit(ports, 1000)
        push(pusher, NAME, content_of(600))
        location = begin(pusher, NAME)
        assert pusher.patch(location, content=content_of(400, seed=1)).status_code == 202
        denied = pusher.patch(location, content=b"x")
        assert (denied.status_code, error_of(denied)["code"]) == (403, "DENIED")
        assert "600.0 B" in error_of(denied)["message"]
        assert "1000.0 B" in error_of(denied)["message"]
        assert pusher.get(location).status_code == 404
        assert objects(ports) == 1
        push(pusher, NAME, content_of(400, seed=2))

    def test_what_others_are_sending_counts(self, pusher: httpx.Client, ports: Ports) -> None:
        limit(ports, 1000)
        first, second = begin(pusher, NAME), begin(pusher, NAME)
        assert pusher.patch(first, content=content_of(600)).status_code == 202
        assert pusher.patch(second, content=content_of(401, seed=1)).status_code == 403
        second = begin(pusher, NAME)
        body = content_of(400, seed=1)
        assert pusher.put(second, params={"digest": digest_of(body)}, content=body).status_code == 201
        assert pusher.put(first, params={"digest": digest_of(content_of(600))}).status_code == 201

    def test_a_session_that_nobody_goes_on_with_gives_way(
        self, pusher: httpx.Client, ports: Ports, clock: MovableClock
    ) -> None:
        limit(ports, 1000)
        left = begin(pusher, NAME)
        assert pusher.patch(left, content=content_of(600)).status_code == 202
        clock.forward(660)
        push(pusher, NAME, content_of(900, seed=1))
        assert pusher.get(left).status_code == 404
        assert objects(ports) == 1

    def test_an_upload_that_broke_off_gives_way_to_the_next_try(
        self, pusher: httpx.Client, root: httpx.Client, ports: Ports, clock: MovableClock
    ) -> None:
        """A client begins again soon after its connection broke, and nobody else's upload pays for it."""
        limit(ports, 1000)
        broken, others, elsewhere = begin(pusher, NAME), begin(root, NAME), begin(pusher, "library-test/other")
        assert pusher.patch(broken, content=content_of(500)).status_code == 202
        assert root.patch(others, content=content_of(50, seed=1)).status_code == 202
        assert pusher.patch(elsewhere, content=content_of(50, seed=2)).status_code == 202
        clock.forward(25)
        push(pusher, NAME, content_of(900, seed=3))
        assert [pusher.get(each).status_code for each in (broken, others, elsewhere)] == [404, 204, 204]

    def test_what_a_dead_process_was_to_take_in_does_not_count(self, pusher: httpx.Client, ports: Ports) -> None:
        """A process that is killed leaves its lease, which runs out, and what its request had declared."""
        limit(ports, 1000)
        begin(pusher, NAME)
        with ports.db.write() as session:
            session.execute(sa.update(Upload).values(admitted=900, lease_holder="gone", lease_until=1))
        push(pusher, NAME, content_of(900))

    def test_content_that_the_project_has_needs_no_room(self, pusher: httpx.Client, ports: Ports) -> None:
        limit(ports, 1000)
        digest = push(pusher, NAME, content_of(900))
        push(pusher, "library-test/other", content_of(900))
        location = begin(pusher, "library-test/third")
        longer = pusher.put(location, params={"digest": digest}, content=content_of(90_000))
        assert (longer.status_code, error_of(longer)["code"]) == (400, "DIGEST_INVALID")


class TestWithoutQuotas:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return environment | {"HARBOR_QUOTA_PER_PROJECT_ENABLE": "false"}

    def test_nothing_gives_way_to_what_passes_the_limit(
        self, pusher: httpx.Client, ports: Ports, clock: MovableClock
    ) -> None:
        limit(ports, 1000)
        left = begin(pusher, NAME)
        assert pusher.patch(left, content=content_of(600)).status_code == 202
        clock.forward(660)
        push(pusher, NAME, content_of(2000, seed=1))
        assert pusher.get(left).status_code == 204


class TestOpenSessions:
    """Of those that hold bytes; others cost nothing and are not counted."""

    def test_of_an_account(self, pusher: httpx.Client, ports: Ports, clock: MovableClock) -> None:
        locations = [begin_with(pusher, NAME) for _ in range(3)]
        empty = begin(pusher, NAME)
        refused = pusher.patch(empty, content=b"abc")
        assert (refused.status_code, error_of(refused)["code"]) == (429, "TOOMANYREQUESTS")
        assert "this account has 3 unfinished uploads" in error_of(refused)["message"]
        assert int(refused.headers["Retry-After"]) > 0
        large = content_of(2 * MIB)
        assert pusher.put(empty, params={"digest": digest_of(large)}, content=large).status_code == 429
        pusher.delete(locations[0])
        assert pusher.patch(empty, content=b"abc").status_code == 202
        clock.forward(660)
        pusher.patch(empty, content=b"abc", headers={"Content-Range": "3-5"})
        begin_with(pusher, NAME)
        assert [pusher.get(each).status_code for each in (locations[1], empty)] == [404, 204]

    def test_of_a_project(self, pusher: httpx.Client, ports: Ports, connect: Connect) -> None:
        other = make_user(ports, "other")
        make_project(ports, "second", members={other: Role.MAINTAINER})
        for _ in range(3):
            begin_with(pusher, NAME)
        with ports.db.write() as session:
            session.execute(sa.update(Upload).values(account="user:0"))
        begin_with(pusher, NAME)
        refused = pusher.patch(begin(pusher, NAME), content=b"abc")
        assert (refused.status_code, error_of(refused)["code"]) == (429, "TOOMANYREQUESTS")
        assert "project library-test has 4 unfinished uploads" in error_of(refused)["message"]
        begin_with(connect(other), "second/app")

    def test_empty_ones_do_not_count(self, pusher: httpx.Client, ports: Ports) -> None:
        locations = [begin(pusher, NAME) for _ in range(20)]
        assert ports.db.rows(sa.select(Upload.id)) == []
        for seed, location in enumerate(locations):
            body = content_of(10, seed)
            assert pusher.put(location, params={"digest": digest_of(body)}, content=body).status_code == 201

    def test_finished_ones_do_not_count(self, pusher: httpx.Client) -> None:
        for seed in range(5):
            push(pusher, NAME, content_of(10, seed))


def test_what_was_deleted_cannot_pile_up(pusher: httpx.Client, root: httpx.Client, ports: Ports) -> None:
    """Pushing and deleting in turn ends when three times the limit wait for a collection."""
    limit(ports, 1000)
    with ports.db.read() as session:
        project = session.execute(sa.select(Project.id).where(Project.name == "library-test")).scalar_one()
    for seed in range(4):
        ports.waiting.forget(project)
        digest = push(pusher, NAME, content_of(900, seed))
        assert root.delete(f"/v2/{NAME}/blobs/{digest}").status_code == 202
    ports.waiting.forget(project)
    refused = pusher.post(SESSIONS.format(name=NAME))
    assert (refused.status_code, error_of(refused)["code"]) == (403, "DENIED")
    assert error_of(refused)["detail"] == {"waiting": 3600, "limit": 3000}
    assert "run a garbage collection" in error_of(refused)["message"]
    make_project(ports, "other")
    assert push(root, "other/app", content_of(900)), "other projects are not concerned"
    limit(ports, -1)
    begin(pusher, NAME)


def test_what_others_keep_does_not_wait_for_a_collection(
    pusher: httpx.Client, root: httpx.Client, ports: Ports
) -> None:
    """Deleting what another project holds too would else lock this one out for as long as that one likes."""
    limit(ports, 1000)
    make_project(ports, "other")
    for seed in range(5):
        digest = push(pusher, NAME, content_of(900, seed))
        push(root, "other/app", content_of(900, seed))
        assert root.delete(f"/v2/{NAME}/blobs/{digest}").status_code == 202
    with ports.db.read() as session:
        ports.waiting.forget(session.execute(sa.select(Project.id).where(Project.name == "library-test")).scalar_one())
    begin(pusher, NAME)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestChunked:
    """Bodies without a declared length, over a real connection."""

    @pytest.fixture
    def live(self, live_server: LiveServer, pusher: httpx.Client, ports: Ports) -> httpx.Client:
        limit(ports, MIB)
        assert pusher.auth is not None
        live_server.client.auth = pusher.auth
        return live_server.client

    def test_a_part_beyond_what_is_left(self, live: httpx.Client, ports: Ports) -> None:
        location = begin(live, NAME)
        assert live.patch(location, content=iter([content_of(MIB)])).status_code == 202
        denied = live.patch(location, content=iter([b"x"]))
        assert (denied.status_code, error_of(denied)["code"]) == (403, "DENIED")
        assert live.get(location).status_code == 404
        assert objects(ports) == 0

    def test_a_long_body_ends_early(self, live: httpx.Client, ports: Ports) -> None:
        location, sent = begin(live, NAME), 0

        def endless() -> Iterator[bytes]:
            nonlocal sent
            while sent < 200 * MIB:
                sent += MIB
                yield bytes(MIB)

        with contextlib.suppress(httpx.WriteError):
            assert live.patch(location, content=endless()).status_code == 403
        assert sent < 50 * MIB
        assert live.get(location).status_code == 404
        assert objects(ports) == 0
