"""A key that exists only here, added by one declaration; and a change that every process sees."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import jwt
import pytest
from flask import Flask

from app.configuration import kinds
from app.configuration.api import operations
from app.configuration.key import Key, Readers, catalogue
from app.configuration.keys import KEYS, TOKEN_EXPIRATION
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.core.errors import InternalError
from app.factory import create_app
from app.identity.authentication import Authenticator
from app.identity.sessions import SessionStore
from app.settings import Settings
from app.web.api import HarborApi
from app.web.session import install
from app.wiring import build
from tests.support.clock import MovableClock
from tests.support.configuration import configure
from tests.support.people import People
from tests.support.tokens import ask

MOTTO = Key(name="motto", default="push", kind=kinds.choice("push", "pull"))
BASE = "http://registry.test/api/v2.0"


@pytest.fixture
def extended(ports: Ports, people: People) -> Iterator[httpx.Client]:
    """An administrator's client of an application that knows one key more."""
    app = Flask("extended")
    HarborApi(app).register_blueprint(operations(catalogue([*KEYS.values(), MOTTO])))
    install(app, ports, Authenticator(ports), SessionStore(ports))
    transport, credentials = httpx.WSGITransport(app=app), people["admin"].credentials
    with httpx.Client(transport=transport, base_url=BASE, auth=credentials) as client:
        yield client


def test_a_key_is_added_by_one_declaration(extended: httpx.Client, ctx: Context) -> None:
    assert extended.get("/configurations").json()["motto"] == {"value": "push", "editable": True}
    configure(extended, motto="pull")
    assert extended.get("/configurations").json()["motto"] == {"value": "pull", "editable": True}
    assert ConfigurationService(ctx).value(MOTTO) == "pull"
    refused = extended.put("/configurations", json={"motto": "drop"})
    assert (refused.status_code, "motto must be one of push, pull" in refused.text) == (400, True)
    assert extended.put("/configurations", json={"motto": 1}).status_code == 422
    described = extended.get("/swagger.json").json()["definitions"]
    assert "motto" in described["Configurations"]["properties"]
    assert "motto" in described["ConfigurationsResponse"]["properties"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_key_for_everybody_needs_its_place_in_the_system_information(
    ports: Ports, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Key(name="motto", default="push", kind=MOTTO.kind, readers=Readers.ANONYMOUS)
    monkeypatch.setattr("app.configuration.keys.KEYS", catalogue([*KEYS.values(), shown]))
    from app.system.service import SystemService

    with pytest.raises(TypeError, match="motto"):
        SystemService(Context(ports)).general()


def test_a_place_that_is_forgotten_ends_the_start() -> None:
    for wrong in (KEYS["read_only"], Key(name="motto_secret", default="", kind=kinds.TEXT)):
        with pytest.raises(InternalError, match=wrong.name):
            operations(catalogue([*KEYS.values(), wrong]))


def test_every_process_sees_a_change(app: Flask, settings: Settings, clock: MovableClock, people: People) -> None:
    def life(client: httpx.Client) -> int:
        body = ask(client, people["guest"], "repository:private/app:pull").json()
        claims = jwt.decode(body["token"], options={"verify_signature": False})
        return int(claims["exp"] - claims["iat"]) // 60

    other = replace(build(settings), clock=clock)
    try:
        first, second = (
            httpx.Client(transport=httpx.WSGITransport(app=each), base_url="http://registry.test")
            for each in (app, create_app(other))
        )
        api = httpx.Client(transport=first._transport, base_url=BASE, auth=people["admin"].credentials)
        with first, second, api:
            assert (life(first), life(second)) == (30, 30)
            configure(api, token_expiration=7, banner_message="changed")
            assert second.get("/api/v2.0/systeminfo").json()["banner_message"] == "changed"
            assert ConfigurationService(Context(other)).value(TOKEN_EXPIRATION) == 7
            assert life(first) == 7
            clock.forward(5)
            assert life(second) == 7
    finally:
        other.db.dispose()
