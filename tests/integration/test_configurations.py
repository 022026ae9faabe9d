"""The system configuration through the management API: every key, all or nothing, pins, secrets."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.audit.models import AuditLog
from app.configuration.key import Key, Readers, Wire
from app.configuration.keys import AUTH_MODE, KEYS, LDAP_SEARCH_PASSWORD, SESSION_TIMEOUT
from app.configuration.models import ConfigurationValue
from app.configuration.service import ConfigurationService
from app.configuration.subjects import ConfigurationUpdate
from app.context import Context, Ports
from app.core.errors import InvalidError
from app.events.configuration import ConfigurationChanged, KeyChange
from app.identity.fingerprints import KeyName
from app.identity.key_folder import KeyFolder
from tests.integration.conftest import Caller
from tests.integration.test_api_conventions import error_of
from tests.support.accounts import make_user
from tests.support.configuration import configure, right_value, wrong_values
from tests.support.queries import counted_statements

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
SETTABLE = [key for key in KEYS.values() if key.settable]
_EXTENDED = {"with_extensions": "true"}


@pytest.fixture
def root(app: Flask, ports: Ports) -> Iterator[httpx.Client]:
    """The first administrator's client of the management API, while nobody else has an account."""
    credentials = make_user(ports, "admin", sysadmin=True).credentials
    transport, base = httpx.WSGITransport(app=app), "http://registry.test/api/v2.0"
    with httpx.Client(transport=transport, base_url=base, auth=credentials) as client:
        yield client


def listed(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/configurations", params=_EXTENDED)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stored(ports: Ports) -> dict[str, str]:
    with ports.db.read() as session:
        rows = session.execute(sa.select(ConfigurationValue.name, ConfigurationValue.value))
        return {row.name: row.value for row in rows}


def written(ports: Ports) -> list[str]:
    with ports.db.read() as session:
        query = sa.select(AuditLog.resource).where(AuditLog.resource_type == "configuration")
        return list(session.scalars(query.order_by(AuditLog.op_time, AuditLog.id)))


@ONE
class TestEveryKey:
    """Its default, a right value, wrong values."""

    def test_the_defaults_are_listed(self, root: httpx.Client) -> None:
        shown = listed(root)
        assert shown.pop("scan_all_policy") == {}
        assert shown == {
            name: {"value": key.shown(key.default), "editable": True}
            for name, key in KEYS.items()
            if key.readers is not Readers.PRODUCT and key.kind.wire is not Wire.OBJECT
        }
        harbors = root.get("/configurations").json()
        assert shown.keys() - harbors.keys() == {name for name, key in KEYS.items() if key.ours}

    @pytest.mark.parametrize("key", SETTABLE, ids=lambda key: key.name)
    def test_it_is_set(self, root: httpx.Client, ctx: Context, key: Key[Any]) -> None:
        value = right_value(key)
        also = {"audit_log_forward_endpoint": "log.test:514"} if key.name == "skip_audit_log_database" else {}
        configure(root, **{key.name: value}, **also)
        assert ConfigurationService(ctx).value(key) == key.parsed(str(value))
        shown = listed(root)
        if key.secret:
            assert key.name not in shown
            assert value not in repr(shown) + repr(stored(ctx.ports)) + repr(written(ctx.ports))
        else:
            assert shown[key.name] == {"value": value, "editable": True}
        configure(root, **{key.name: value}, **also)
        assert len(written(ctx.ports)) == 1, "what is set to the value that it has is no change"

    @pytest.mark.parametrize("key", SETTABLE, ids=lambda key: key.name)
    def test_wrong_values_are_refused_by_name(self, root: httpx.Client, ports: Ports, key: Key[Any]) -> None:
        other_type: object = 1 if key.kind.wire is Wire.STRING else "perhaps"
        for value, status in (*((value, 400) for value in wrong_values(key)), ({"a": 1}, 422), (other_type, 422)):
            refused = root.put("/configurations", json={"session_lifetime": 5, key.name: value})
            assert refused.status_code == status, f"{value!r}: {refused.text}"
            assert key.name in refused.json()["errors"][0]["message"]
        assert (stored(ports), written(ports)) == ({}, [])

    @pytest.mark.parametrize("name", [key.name for key in KEYS.values() if not key.settable] + ["nothing"])
    def test_others_are_ignored(self, root: httpx.Client, ports: Ports, name: str) -> None:
        before = listed(root)
        configure(root, **{name: True})
        assert (listed(root), stored(ports), written(ports)) == (before, {}, [])


@pytest.mark.usefixtures("people")
class TestChanges:
    """All or nothing, one event, nothing for nothing."""

    def test_one_wrong_value_keeps_all_out(self, admin: httpx.Client, ports: Ports) -> None:
        body = {"session_timeout": 5, "read_only": True, "ldap_scope": 9}
        assert admin.put("/configurations", json=body).status_code == 400
        assert (stored(ports), written(ports)) == ({}, [])
        assert listed(admin)["read_only"]["value"] is False

    def test_one_event_tells_all(self, ports: Ports, ctx: Context) -> None:
        heard: list[ConfigurationChanged] = []
        effects = {**ports.effects, ConfigurationChanged: (lambda _, event: heard.append(event),)}
        service = ConfigurationService(Context(replace(ports, effects=effects), ctx.principal))
        texts = {"session_timeout": "5", "read_only": "true", "ldap_search_password": "Chosen12345", "ldap_scope": "2"}
        service.update(texts)
        service.update(texts)
        assert heard == [
            ConfigurationChanged(
                changes=(
                    KeyChange(name="read_only", old="false", new="true"),
                    KeyChange(name="session_timeout", old="60", new="5"),
                    KeyChange(name="ldap_search_password", old=None, new=None),
                )
            )
        ]

    def test_what_fails_later_undoes_it(self, ports: Ports, ctx: Context) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError

        effects = {**ports.effects, ConfigurationChanged: (fail,)}
        service = ConfigurationService(Context(replace(ports, effects=effects), ctx.principal))
        with pytest.raises(RuntimeError):
            service.update({"session_timeout": "5", "read_only": "true"})
        assert stored(ports) == {}
        assert ConfigurationService(ctx).values()[KEYS["read_only"]] is False

    @ONE
    def test_a_check_refuses_a_change_and_locks_the_key(self, admin: httpx.Client, ports: Ports) -> None:
        def refuse(_: Context, update: ConfigurationUpdate) -> None:
            if "ldap_uid" in update.names:
                raise InvalidError("ldap_uid is planted")

        table: Any = ports.admission
        table["configure"] = (refuse,)
        assert listed(admin)["ldap_uid"] == {"value": "cn", "editable": False}
        assert listed(admin)["ldap_url"]["editable"] is True
        configure(admin, ldap_uid="cn", ldap_url="ldaps://ldap.test")
        refused = admin.put("/configurations", json={"ldap_uid": "uid", "ldap_url": "ldaps://other.test"})
        assert (error_of(refused), "planted" in refused.text) == ((400, "BAD_REQUEST"), True)
        assert listed(admin)["ldap_url"]["value"] == "ldaps://ldap.test"

    def test_nulls_and_nothing_change_nothing(self, admin: httpx.Client, ports: Ports) -> None:
        configure(admin)
        configure(admin, session_timeout=None, ldap_url=None)
        assert (stored(ports), written(ports)) == ({}, [])
        for body in (b"", b"[]", b"no"):
            assert admin.put("/configurations", content=body).status_code == 422

    def test_long_values_are_shortened_in_the_audit_log(self, admin: httpx.Client, ports: Ports) -> None:
        configure(admin, banner_message="b" * 600, session_timeout=5)
        (row,) = written(ports)
        assert row == f"session_timeout: 60 -> 5, banner_message:  -> {'b' * 39}…"

    def test_the_log_must_be_kept_somewhere(self, admin: httpx.Client) -> None:
        endpoint = {"audit_log_forward_endpoint": "log.test:514"}
        refused = admin.put("/configurations", json={"skip_audit_log_database": True})
        assert error_of(refused) == (400, "BAD_REQUEST")
        assert "audit_log_forward_endpoint" in refused.text
        configure(admin, skip_audit_log_database=True, **endpoint)
        assert error_of(admin.put("/configurations", json={"audit_log_forward_endpoint": ""})) == (400, "BAD_REQUEST")
        configure(admin, skip_audit_log_database=False, audit_log_forward_endpoint="")

    def test_reading_takes_one_statement_and_recent_reading_mostly_none(self, ports: Ports, ctx: Context) -> None:
        service = ConfigurationService(ctx)
        service.recent(SESSION_TIMEOUT)
        with counted_statements(ports.db) as statements:
            service.value(SESSION_TIMEOUT)
            assert len(statements) == 1
            service.values()
            assert len(statements) == 2
            for _ in range(10):
                service.recent(SESSION_TIMEOUT)
            assert len(statements) == 2


class TestAuthMode:
    """Editable while nobody but the first administrator has an account; the database's accounts work in any."""

    def test_until_somebody_has_an_account(self, root: httpx.Client, ports: Ports) -> None:
        configure(root, auth_mode="oidc_auth", oidc_name="Corporate login")
        told = httpx.Client(transport=root._transport, base_url=root.base_url).get("/systeminfo").json()
        assert (told["auth_mode"], told["oidc_provider_name"]) == ("oidc_auth", "Corporate login")
        assert root.get("/users/current").json()["username"] == "admin"
        configure(root, auth_mode="db_auth")
        make_user(ports, "guest")
        assert listed(root)["auth_mode"] == {"value": "db_auth", "editable": False}
        configure(root, auth_mode="db_auth")
        refused = root.put("/configurations", json={"auth_mode": "ldap_auth", "session_timeout": 5})
        assert error_of(refused) == (400, "BAD_REQUEST")
        assert "auth_mode" in refused.json()["errors"][0]["message"]
        assert (listed(root)["auth_mode"]["value"], listed(root)["session_timeout"]["value"]) == ("db_auth", 60)

    @ONE
    def test_no_mode_shuts_people_out(self, root: httpx.Client, ports: Ports, ctx: Context) -> None:
        configure(root, auth_mode="http_auth", http_authproxy_endpoint="https://proxy.test")
        person = make_user(ports, "guest")
        told = root.get("/systeminfo", auth=person.credentials).json()
        assert told["authproxy_settings"] == {"endpoint": "https://proxy.test", "verify_cert": True}
        assert ConfigurationService(ctx).value(AUTH_MODE) == "http_auth"


class TestSecrets:
    """Encrypted at rest, told to nobody."""

    def test_are_encrypted_and_told_nowhere(
        self, admin: httpx.Client, caller: Caller, ctx: Context, caplog: pytest.LogCaptureFixture
    ) -> None:
        secrets = {key.name: f"Secret12345-{key.name}" for key in KEYS.values() if key.secret}
        assert len(secrets) == 3
        configure(admin, **secrets)
        service = ConfigurationService(ctx)
        assert {name: service.value(KEYS[name]) for name in secrets} == secrets
        kept = stored(ctx.ports)
        assert {name: ctx.ports.keys.cipher.decrypt(kept[name]) for name in secrets} == secrets
        told = [
            caller(name).get(path, params=_EXTENDED).text
            for name in (None, "guest", "admin")
            for path in ("/configurations", "/internalconfig", "/systeminfo")
        ]
        told += [caplog.text, repr(kept), repr(written(ctx.ports))]
        assert written(ctx.ports) == [", ".join(secrets)]
        assert not [text for text in told if "Secret12345" in text]

    @ONE
    def test_a_new_encryption_key_encrypts_them_anew(
        self, admin: httpx.Client, ctx: Context, key_folder: KeyFolder
    ) -> None:
        configure(admin, ldap_search_password="Secret12345")
        before = stored(ctx.ports)
        key_folder.rotate(KeyName.ENCRYPTION)
        service = ConfigurationService(ctx)
        assert service.value(LDAP_SEARCH_PASSWORD) == "Secret12345"
        service.encrypt_anew()
        after = stored(ctx.ports)
        assert after.keys() == before.keys()
        assert after != before
        assert replace(ctx.ports.keys.cipher, retired=()).decrypt(after["ldap_search_password"]) == "Secret12345"

    @ONE
    def test_what_no_key_reads_can_be_set_again(self, admin: httpx.Client, ctx: Context) -> None:
        with ctx.write() as session:
            value = ConfigurationValue(name="ldap_search_password", value="lost", update_time=ctx.ports.clock.now())
            session.add(value)
        assert admin.get("/configurations").status_code == 200
        ConfigurationService(ctx).encrypt_anew()
        configure(admin, ldap_search_password="Secret12345")
        assert ConfigurationService(ctx).value(LDAP_SEARCH_PASSWORD) == "Secret12345"


def test_nobody_reads_the_internal_configuration(caller: Caller) -> None:
    answers = {name: caller(name).get("/internalconfig").status_code for name in (None, "guest", "admin")}
    assert answers == {None: 401, "guest": 403, "admin": 403}
