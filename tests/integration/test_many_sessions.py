"""An account has a bounded number of sessions: one login more ends the oldest."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import sqlalchemy as sa
from flask import Flask

from app.context import Ports
from app.identity.models import UserSession
from app.identity.sessions import MOST_SESSIONS
from tests.support.browser import Browser
from tests.support.people import People


def plant(ports: Ports, user_id: int, number: int) -> None:
    """Let the account have logged in from so many more browsers."""
    now = ports.clock.now()
    times = {"creation_time": now, "renewed_at": now, "expires_at": now + timedelta(hours=1)}
    with ports.db.write() as session:
        rows = [times | {"id_hash": secrets.token_hex(32), "user_id": user_id} for _ in range(number)]
        session.execute(sa.insert(UserSession), rows)


def held(ports: Ports, user_id: int) -> int:
    statement = sa.select(sa.func.count()).select_from(UserSession).where(UserSession.user_id == user_id)
    return int(ports.db.rows(statement)[0][0])


def test_one_login_more_ends_the_oldest(app: Flask, ports: Ports, people: People) -> None:
    guest, other = people["guest"], people["developer"]
    elsewhere = Browser(app).logged_in(other.name)
    oldest, second = Browser(app).logged_in(guest.name), Browser(app).logged_in(guest.name)
    plant(ports, guest.id, MOST_SESSIONS - 2)
    plant(ports, other.id, 50)
    assert (oldest.who(), held(ports, guest.id)) == (guest.name, MOST_SESSIONS)
    newest = Browser(app).logged_in(guest.name)
    assert [each.who() for each in (oldest, second, newest)] == [None, guest.name, guest.name]
    assert (held(ports, guest.id), held(ports, other.id)) == (MOST_SESSIONS, 51)
    assert elsewhere.who() == other.name


def test_many_that_were_there_before_end_together(app: Flask, ports: Ports, people: People) -> None:
    guest = people["guest"]
    plant(ports, guest.id, 3 * MOST_SESSIONS)
    browser = Browser(app).logged_in(guest.name)
    assert (browser.who(), held(ports, guest.id)) == (guest.name, MOST_SESSIONS)


def test_logins_at_once_pass_no_bound(app: Flask, ports: Ports, people: People) -> None:
    guest = people["guest"]
    plant(ports, guest.id, MOST_SESSIONS)
    browsers = [Browser(app) for _ in range(8)]
    with ThreadPoolExecutor(len(browsers)) as pool:
        answers = list(pool.map(lambda browser: browser.log_in(guest.name).status_code, browsers))
    assert answers == [200] * len(browsers)
    assert held(ports, guest.id) == MOST_SESSIONS
