"""What opens the door for long is bounded: identity tokens in number, sessions in time."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.access.principals import Principal, PrincipalKind
from app.context import Context
from app.identity.models import RefreshToken
from app.identity.refresh_tokens import KEPT, RefreshTokens
from app.identity.service import UserService
from tests.support.browser import Browser
from tests.support.clock import MovableClock
from tests.support.people import People
from tests.support.tokens import SERVICE

_MINUTE = 60


@pytest.fixture
def browser(app: Flask, people: People) -> Iterator[Browser]:
    """A browser that is logged in."""
    with closing(Browser(app)) as opened:
        yield opened.logged_in(people["guest"].name)


def test_the_oldest_identity_token_of_an_account_goes(
    client: httpx.Client, people: People, ctx: Context, clock: MovableClock
) -> None:
    def token_of(name: str) -> str:
        account = UserService(ctx).get(people[name].id)
        owner = Principal(kind=PrincipalKind.USER, id=account.id, name=name, version=account.version)
        return RefreshTokens(ctx).issue(owner, SERVICE) or ""

    def redeemed(token: str) -> int:
        form = {"grant_type": "refresh_token", "service": SERVICE, "refresh_token": token}
        return client.post("/service/token", data=form).status_code

    other = token_of("developer")
    tokens = []
    for _ in range(KEPT + 3):
        clock.forward(1)
        tokens.append(token_of("guest"))
    with ctx.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(RefreshToken)) == KEPT + 1
    assert [redeemed(token) for token in (*tokens[:3], tokens[3], tokens[-1], other)] == [401, 401, 401, 200, 200, 200]


def test_a_session_ends_after_its_lifetime_however_often_it_is_used(browser: Browser, clock: MovableClock) -> None:
    for _ in range(7 * 24 * 2 - 1):
        clock.forward(30 * _MINUTE)
        assert browser.who() == "guest"
    clock.forward(31 * _MINUTE)
    assert browser.who() is None
