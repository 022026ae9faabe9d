"""Guessers are slowed down, and nobody else is."""

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.context import Ports
from app.factory import create_app
from app.identity import known_logins, throttle
from app.identity.models import KnownLogin, LoginFailure
from tests.support.accounts import PASSWORD, make_user
from tests.support.people import People

WHO = "/api/v2.0/users/current"
_YEAR_MS = 365 * 24 * 3_600_000
_LOGINS = 20


def at(app: Flask, address: str) -> httpx.Client:
    """A client at an address of its own."""
    return httpx.Client(transport=httpx.WSGITransport(app=app, remote_addr=address), base_url="http://registry.test")


@pytest.fixture
def guesser(app: Flask) -> Iterator[httpx.Client]:
    """A client at the same address as everybody else."""
    with at(app, "192.0.2.1") as client:
        yield client


def guesses(client: httpx.Client, name: str, times: int) -> Counter[int]:
    return Counter(client.get(WHO, auth=(name, f"Wrong{number}")).status_code for number in range(times))


def failures(ports: Ports) -> list[tuple[str, str]]:
    with ports.db.read() as session:
        rows = session.execute(sa.select(LoginFailure.account, LoginFailure.address))
        return sorted((row.account, row.address) for row in rows)


def test_the_owner_is_let_in_while_somebody_guesses_at_the_same_address(
    people: People, guesser: httpx.Client, ports: Ports
) -> None:
    over, verified = threading.Event(), Counter[int]()

    def guess() -> None:
        while not over.is_set():
            verified.update(guesses(guesser, "guest", 5))

    hammering = threading.Thread(target=guess)
    hammering.start()
    try:
        answers = Counter[int]()
        for _ in range(_LOGINS):
            with at(create_app(ports), "192.0.2.1") as owner:
                answers[owner.get(WHO, auth=people["guest"].credentials).status_code] += 1
    finally:
        over.set()
        hammering.join()
    assert answers == {200: _LOGINS}, "each time in a process that has not seen the password yet"
    assert verified[401] <= 5 + 6, "the owner's logins forgive the guesser nothing"
    assert verified[429] > 0


def test_an_old_password_passes_no_delay_for_good(people: People, guesser: httpx.Client, client: httpx.Client) -> None:
    new = {"old_password": PASSWORD, "new_password": "Another12345"}
    changed = client.put(f"/api/v2.0/users/{people['guest'].id}/password", json=new, auth=people["guest"].credentials)
    assert changed.status_code == 200
    guesses(guesser, "guest", 6)
    assert guesser.get(WHO, auth=("guest", PASSWORD)).status_code == 401
    assert guesser.get(WHO, auth=("guest", "Another12345")).status_code == 200


def test_name_and_email_are_one_account(people: People, guesser: httpx.Client, ports: Ports) -> None:
    email = f"{people['guest'].name}@example.test"
    assert guesses(guesser, "guest", 3) + guesses(guesser, email, 2) == {401: 5}
    assert guesses(guesser, "guest", 1) == guesses(guesser, email, 1) == {429: 1}
    assert failures(ports) == [("", "192.0.2.1"), ("guest", "192.0.2.1")]
    assert guesser.get(WHO, auth=(email, PASSWORD)).status_code == 200


def test_one_password_against_many_names_is_slowed_down(
    app: Flask, people: People, guesser: httpx.Client, ports: Ports
) -> None:
    for number in range(40):
        make_user(ports, f"person{number}")
    answers = [guesser.get(WHO, auth=(f"person{number}", "Summer2026x")).status_code for number in range(40)]
    assert answers[: throttle.FREE_NAMES] == [401] * throttle.FREE_NAMES
    assert 429 in answers[throttle.FREE_NAMES :]
    assert guesser.get(WHO, auth=("person39", PASSWORD)).status_code == 200
    assert guesser.get(WHO, auth=people["guest"].credentials).status_code == 200
    with at(app, "192.0.2.2") as elsewhere:
        assert guesses(elsewhere, "person1", 1) == {401: 1}


def test_delays_are_never_longer_than_the_longest_whatever_the_clock_did(
    people: People, guesser: httpx.Client, ports: Ports
) -> None:
    assert guesses(guesser, people["guest"].name, 6) == {401: 5, 429: 1}
    with ports.db.write() as session:
        later = {"blocked_until": LoginFailure.blocked_until + _YEAR_MS}
        session.execute(sa.update(LoginFailure).values(later | {"last_failure": LoginFailure.last_failure + _YEAR_MS}))
    assert guesser.get(WHO, auth=("guest", "Wrong")).status_code == 401
    with ports.db.write() as session:
        session.execute(sa.update(LoginFailure).values(count=40))
    guesser.get(WHO, auth=("guest", "Wrong"))
    refused = guesser.get(WHO, auth=("guest", "Wrong"))
    assert (refused.status_code, int(refused.headers["Retry-After"]) <= 60) == (429, True)


def test_the_networks_of_ipv6_are_one_address_each(app: Flask, people: People, ports: Ports) -> None:
    answers = []
    for number in range(6):
        with at(app, f"2001:db8::{number + 1:x}") as client:
            answers.append(client.get(WHO, auth=(people["guest"].name, "wrong")).status_code)
    assert answers == [401] * 5 + [429]
    assert ("guest", "2001:db8::/64") in failures(ports)


def test_random_names_fill_no_table(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_ROWS", 50)
    for number in range(120):
        with ports.db.write() as session:
            throttle.record_failure(session, f"random{number}", f"192.0.2.{number}")
    assert len(failures(ports)) <= 52


def test_an_account_has_a_few_known_passwords(people: People, ports: Ports) -> None:
    for number in range(20):
        with ports.db.write() as session:
            known_logins.remember(session, ports.start_key, people["guest"].name, f"password{number}")
    with ports.db.read() as session:
        mine = sa.select(sa.func.count()).where(KnownLogin.account == "guest")
        assert session.scalar(mine) == known_logins.KEPT
        assert not any(PASSWORD in row.proof for row in session.scalars(sa.select(KnownLogin)))


def test_a_command_clears_the_failures(
    app: Flask, people: People, guesser: httpx.Client, environment: dict[str, str], ports: Ports
) -> None:
    def unblock(*arguments: str) -> str:
        command = [sys.executable, "-m", "app.cli", "admin", "unblock", *arguments]
        variables = os.environ | environment
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    for name in ("guest", "developer"):
        assert guesses(guesser, people[name].name, 6) == {401: 5, 429: 1}
    with ports.db.write() as session:
        session.execute(sa.update(LoginFailure).values(blocked_until=LoginFailure.blocked_until + 55_000))
    assert unblock("--user", "Guest@Example.test") == "1 counters of failed logins are cleared\n"
    assert guesses(guesser, "guest", 1) == {401: 1}
    assert guesses(guesser, "developer", 1) == {429: 1}
    with at(app, "192.0.2.9") as elsewhere:
        guesses(elsewhere, "guest", 1)
    assert unblock("--address", "192.0.2.1") == "3 counters of failed logins are cleared\n"
    assert failures(ports) == [("", "192.0.2.9"), ("guest", "192.0.2.9")]
    assert unblock() == "2 counters of failed logins are cleared\n"
    assert failures(ports) == []
