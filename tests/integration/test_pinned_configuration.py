"""Configuration keys that the environment pins: shown with their variable, refused by its name."""

import os
from dataclasses import replace
from unittest import mock

import httpx
import pytest
import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.audit.models import AuditLog
from app.cli.settings import describe
from app.configuration.models import ConfigurationValue
from app.configuration.pins import Pins
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.settings import Settings, load
from app.wiring import build
from tests.integration.test_api_conventions import error_of
from tests.support.configuration import configure

PINS = {
    "HARBOR_SESSION_TIMEOUT": "10",
    "HARBOR_READ_ONLY": "true",
    "HARBOR_LDAP_SEARCH_PASSWORD": "Secret12345",
    "HARBOR_BANNER_MESSAGE": "hello",
    "HARBOR_SKIP_AUDIT_LOG_DATABASE": "true",
    "HARBOR_SESION_TIMEOUT": "10",
}


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """The environment pins keys of each kind, and one name is misspelt."""
    return environment | PINS


def test_the_variable_is_shown(admin: httpx.Client) -> None:
    shown = admin.get("/configurations?with_extensions=true").json()
    assert shown["session_timeout"] == {"value": 10, "editable": False, "variable": "HARBOR_SESSION_TIMEOUT"}
    assert shown["read_only"] == {"value": True, "editable": False, "variable": "HARBOR_READ_ONLY"}
    assert shown["ldap_uid"] == {"value": "cn", "editable": True}
    assert admin.get("/configurations").json()["session_timeout"] == {"value": 10, "editable": False}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("session_timeout", 11),
        ("read_only", False),
        ("ldap_search_password", "Another12345"),
        ("ldap_search_password", "Secret12345"),
        ("banner_message", ""),
    ],
)
def test_a_change_is_refused_by_the_variables_name(admin: httpx.Client, name: str, value: object) -> None:
    refused = admin.put("/configurations", json={name: value, "ldap_uid": "uid"})
    assert error_of(refused) == (403, "FORBIDDEN")
    assert f"HARBOR_{name.upper()}" in refused.json()["errors"][0]["message"]
    assert "Secret12345" not in refused.text
    assert admin.get("/configurations").json()["ldap_uid"]["value"] == "cn"


def test_the_value_that_it_has_may_be_sent_back(admin: httpx.Client) -> None:
    configure(admin, session_timeout=10, read_only=True, banner_message="hello", ldap_uid="uid")
    assert admin.get("/configurations").json()["ldap_uid"]["value"] == "uid"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_environment_says_is_not_stored(admin: httpx.Client, ctx: Context) -> None:
    lost = ctx.ports.keys.cipher.encrypt("Stored12345")
    with ctx.write() as session:
        session.add(ConfigurationValue(name="ldap_search_password", value=lost, update_time=ctx.ports.clock.now()))
    configure(admin, ldap_uid="uid")
    ConfigurationService(ctx).encrypt_anew()
    with ctx.read() as session:
        rows = session.execute(sa.select(ConfigurationValue.name, ConfigurationValue.value))
        stored = {row.name: row.value for row in rows}
    assert ctx.ports.keys.cipher.decrypt(stored["ldap_search_password"]) == "Stored12345"
    assert stored.keys() == {"ldap_search_password", "ldap_uid"}


def test_a_start_that_moves_the_switch_is_written_down(admin: httpx.Client, settings: Settings, ctx: Context) -> None:
    assert admin.get("/configurations").json()["read_only"]["value"] is True
    build(settings)
    with ctx.read() as session:
        rows = session.execute(sa.select(AuditLog.username, AuditLog.resource).where(AuditLog.operation == "update"))
        assert [tuple(row) for row in rows] == [("harbor", "read_only: false -> true")]


def test_the_read_only_switch_is_where_it_is_pinned(admin: httpx.Client, settings: Settings) -> None:
    assert error_of(admin.post("/projects", json={"project_name": "new"})) == (403, "DENIED")
    unpinned = {name: text for name, text in settings.configuration.items() if name != "read_only"}
    build(replace(settings, configuration=unpinned | {"read_only": "false"}))
    assert admin.post("/projects", json={"project_name": "new"}).status_code == 201


def test_a_switch_moved_past_the_pin_is_moved_back(admin: httpx.Client, ports: Ports) -> None:
    unpinned = {name: text for name, text in ports.settings.configuration.items() if name != "read_only"}
    elsewhere = replace(ports, settings=replace(ports.settings, configuration=unpinned))
    ConfigurationService(Context(elsewhere, SYSTEM)).update({"read_only": "false"})
    assert admin.post("/projects", json={"project_name": "new"}).status_code == 201
    Pins(ports).settle()
    assert error_of(admin.post("/projects", json={"project_name": "newer"})) == (403, "DENIED")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_command_names_the_variables(environment: dict[str, str]) -> None:
    with mock.patch.dict(os.environ, environment):
        printed = dict(describe(load()))
    assert printed["configuration.session_timeout"] == "10, pinned by HARBOR_SESSION_TIMEOUT"
    assert printed["configuration.ldap_search_password"] == "(set), pinned by HARBOR_LDAP_SEARCH_PASSWORD"
    assert printed["unknown.sesion_timeout"] == "HARBOR_SESION_TIMEOUT is neither a setting nor a configuration key"
    assert "Secret12345" not in repr(printed)
    assert not [name for name in printed if name.startswith("configuration.") and "session_lifetime" in name]
