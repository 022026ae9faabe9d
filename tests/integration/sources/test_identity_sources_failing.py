"""An identity source that is down, slow or broken keeps out its own people and nobody else."""

from concurrent.futures import ThreadPoolExecutor, wait

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.context import Context, Ports
from app.core.errors import InternalError, UnavailableError
from app.factory import create_app
from app.identity.models import LoginFailure
from app.identity.sources import outside
from app.identity.sources.outside import PAUSE, BoundedSource
from tests.support.browser import Browser
from tests.support.clock import MovableClock
from tests.support.directory import ALICE, PASSWORD, WHO, Directory, person, status_of, with_directory
from tests.support.people import People

THREADS = 4

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """A web process with few threads, half of which may wait for other systems."""
    return environment | {"HARBOR_WEB_THREADS": str(THREADS)}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let outside sources have a fifth of a second; before the application is made."""
    monkeypatch.setattr(outside, "TIME_LIMIT", 0.2)


def failures(ports: Ports) -> list[str]:
    with ports.db.read() as session:
        return list(session.scalars(sa.select(LoginFailure.account).where(LoginFailure.account != "")))


@ONE_DATABASE
@pytest.mark.parametrize("failure", [UnavailableError("no answer"), ConnectionResetError(), RuntimeError("a defect")])
def test_a_failing_source(
    client: httpx.Client, people: People, directory: Directory, ports: Ports, clock: MovableClock, failure: Exception
) -> None:
    assert status_of(client, ALICE) == 200
    clock.forward(61)
    directory.failure = failure
    refused = client.get(WHO, auth=ALICE)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (503, "UNAVAILABLE")
    assert status_of(client, ("nobody", PASSWORD)) == 503, "it might know them"
    assert [status_of(client, people[name].credentials) for name in ("admin", "guest")] == [200, 200]
    assert status_of(client, ("guest", "Wrong12345")) == 401
    assert failures(ports) == ["guest"], "what could not be decided counts against nobody"
    directory.failure = None
    assert status_of(client, ALICE) == 200


@ONE_DATABASE
@pytest.mark.parametrize(
    "nonsense", [{"email": None}, {"username": b"alice"}, {"subject": 7}, {"groups": None}, {"groups": ("team",)}]
)
def test_a_source_that_tells_nonsense(
    client: httpx.Client, people: People, directory: Directory, nonsense: dict[str, object]
) -> None:
    directory.change("alice", **nonsense)
    assert status_of(client, ALICE) == 503
    assert status_of(client, people["guest"].credentials) == 200
    assert status_of(client, ("bob", PASSWORD)) == 200


@ONE_DATABASE
def test_the_next_source_is_asked(ports: Ports, directory: Directory) -> None:
    second = Directory(name="second")
    second.add(person("carol"))
    directory.failure = UnavailableError()
    app = create_app(with_directory(ports, second))
    with httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://registry.test") as client:
        assert status_of(client, ("carol", PASSWORD)) == 200
        assert status_of(client, ("nobody", PASSWORD)) == 503
        assert status_of(client, ("carol", "Wrong12345")) == 401, "her account says which one is asked"
    assert directory.asked == ["carol", "nobody"]


@ONE_DATABASE
@pytest.mark.usefixtures("impatient")
def test_a_slow_source_keeps_no_thread_from_other_people(app: Flask, people: People, directory: Directory) -> None:
    directory.answers.clear()
    places = THREADS // 2
    browsers = [Browser(app) for _ in range(4 * places)]
    with ThreadPoolExecutor(len(browsers)) as threads:
        waiting = [threads.submit(one.log_in, f"person{number}") for number, one in enumerate(browsers)]
        for _ in range(places):
            assert directory.entered.acquire(timeout=20)
        assert Browser(app).log_in("admin").status_code == 200
        assert Browser(app).log_in(people["guest"].name).status_code == 200
        wait(waiting)
    assert {one.result().status_code for one in waiting} == {503}
    assert len(directory.asked) == places, "no more threads than that wait for it"


@ONE_DATABASE
@pytest.mark.usefixtures("impatient")
def test_it_is_left_alone_for_a_while(client: httpx.Client, directory: Directory, clock: MovableClock) -> None:
    directory.answers.clear()
    refused = client.get(WHO, auth=ALICE)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    directory.answers.set()
    assert [status_of(client, ALICE), len(directory.asked)] == [503, 1]
    clock.forward(PAUSE + 1)
    assert [status_of(client, ALICE), len(directory.asked)] == [200, 2]


@ONE_DATABASE
def test_it_is_asked_without_a_transaction(ctx: Context, directory: Directory, clock: MovableClock) -> None:
    bounded = BoundedSource(directory, clock, at_once=1, time_limit=5)
    with ctx.write(), pytest.raises(InternalError, match="identity source"):
        bounded.verify("alice", PASSWORD)
    assert bounded.verify("alice", PASSWORD) == directory.people["alice"]
