"""The use cases of the system configuration; values are pinned by the environment, else stored, else the default."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import require_authenticated, require_in_system
from app.configuration.key import Key, Readers
from app.configuration.keys import KEYS, READ_ONLY
from app.configuration.models import ConfigurationValue
from app.configuration.results import Setting, Values
from app.configuration.rules import require_consistent
from app.configuration.subjects import ConfigurationUpdate
from app.context import Context
from app.core.errors import DeniedError, InternalError, InvalidError
from app.db import gate
from app.db.database import retried
from app.events.configuration import ConfigurationChanged, KeyChange

T = TypeVar("T")


class ConfigurationService:
    """Reads and changes the system configuration, in the name of the context's principal."""

    def __init__(self, ctx: Context, keys: Mapping[str, Key[Any]] = KEYS) -> None:
        """Use these ``keys``, by name."""
        self._ctx = ctx
        self._keys = keys

    def value(self, key: Key[T]) -> T:
        """Return the current value of one key."""
        return self.values()[key]

    def recent(self, key: Key[T]) -> T:
        """Return the value of one key from a cache of at most three seconds, else by one statement."""
        ports = self._ctx.ports
        committed = Context(ports)
        stored = ports.recent_configuration.get(ports.clock.now(), lambda: _by_name(committed.rows(_STORED, {})))
        return self._values(stored)[key]

    def values(self) -> Values:
        """Return the current values of all keys, by one statement."""
        return self._values(_by_name(self._ctx.rows(_STORED, {})))

    def settings(self) -> Mapping[str, Setting]:
        """Return the settings that administrators see, by name, without secrets; requires configuration:read."""
        require_in_system(self._ctx.principal, "configuration", "read")
        values = self.values()
        return {
            name: Setting(
                value=key.shown(values[key]),
                editable=self._is_editable(key),
                variable=key.variable if self._is_pinned(key) else "",
            )
            for name, key in self._keys.items()
            if key.readers is not Readers.PRODUCT
        }

    def internal_settings(self) -> NoReturn:
        """Raise for every caller, since no component of the product reads its configuration with secrets over HTTP.

        Raises UnauthenticatedError for an anonymous caller, DeniedError for any other.
        """
        require_authenticated(self._ctx.principal)
        raise DeniedError("only internal components may read the internal configuration, and there are none")

    @retried()
    def update(self, texts: Mapping[str, str]) -> None:
        """Set these keys, all or none, and ignore unknown names; requires configuration:update.

        Without a change of any value nothing is written.

        Raises:
            FieldInvalid: a value is invalid; the error names the key.
            DeniedError: the environment pins a key; the error names the variable. The unchanged value of a key that is
                not secret is accepted.
            InvalidError: the values contradict each other, or an admission check refuses the change.

        """
        require_in_system(self._ctx.principal, "configuration", "update")
        parsed = {key: key.parsed(texts[name]) for name, key in self._keys.items() if key.settable and name in texts}
        if not parsed:
            return
        try:
            with self._ctx.write() as session:
                self._change(session, parsed)
        finally:
            self._ctx.ports.recent_configuration.forget()

    def settle_pins(self) -> None:
        """Set the read-only switch of the write gate to the value that the environment pins, if it pins one."""
        text = self._ctx.ports.settings.configuration.get(READ_ONLY.name)
        if text is None or READ_ONLY.parsed(text) == gate.glance(self._ctx.ports.db).switched:
            return
        pinned = READ_ONLY.parsed(text)
        with self._ctx.write() as session:
            session.execute(_TURN)
            if gate.state(session).switched != pinned:
                self._store(session, READ_ONLY, pinned)
                self._ctx.emit(ConfigurationChanged(changes=(_change(READ_ONLY, not pinned, pinned),)))

    def encrypt_anew(self) -> None:
        """Encrypt the stored secrets with the current key; keep those that no key can decrypt."""
        with self._ctx.write() as session:
            session.execute(_TURN)
            stored = _by_name(self._ctx.rows(_STORED, {}))
            values = Values({}, stored, self._ctx.ports.keys)
            for name, key in self._keys.items():
                secret = _readable_or_none(values, key) if key.secret and name in stored else None
                if secret is not None:
                    self._store(session, key, secret)

    def _change(self, session: Session, parsed: Mapping[Key[Any], Any]) -> None:
        session.execute(_TURN)
        values = self.values()
        before = {key: _readable_or_none(values, key) for key in parsed}
        for key, value in parsed.items():
            if self._is_pinned(key) and (key.secret or value != before[key]):
                raise DeniedError(
                    f"{key.name} is set by the environment variable {key.variable} and cannot be changed here"
                )
        changed = {key: value for key, value in parsed.items() if value != before[key]}
        if not changed:
            return
        self._ctx.admit(ConfigurationUpdate(names=frozenset(key.name for key in changed)))
        for key, value in changed.items():
            self._store(session, key, value)
        require_consistent(self.values(), changed)
        changes = tuple(_change(key, before[key], value) for key, value in changed.items())
        self._ctx.emit(ConfigurationChanged(changes=changes))

    def _store(self, session: Session, key: Key[T], value: T) -> None:
        if key.name == READ_ONLY.name:
            gate.switch(session, on=bool(value))
            return
        text = key.kind.write(value)
        kept = self._ctx.ports.keys.cipher.encrypt(text) if key.secret else text
        session.merge(ConfigurationValue(name=key.name, value=kept, update_time=self._ctx.ports.clock.now()))
        session.flush()

    def _is_pinned(self, key: Key[Any]) -> bool:
        return key.name in self._ctx.ports.settings.configuration

    def _is_editable(self, key: Key[Any]) -> bool:
        if self._is_pinned(key) or not key.settable:
            return False
        try:
            self._ctx.admit(ConfigurationUpdate(names=frozenset({key.name})), recorded=False)
        except InvalidError:
            return False
        return True

    def _values(self, stored: Mapping[str, str]) -> Values:
        return Values(self._ctx.ports.settings.configuration, stored, self._ctx.ports.keys)


def text_of(given: object) -> str:
    """Return the text, which keys parse, of a value from the management API: a text, number or boolean."""
    return str(given).lower() if isinstance(given, bool) else str(given)


def _change(key: Key[T], old: T | None, new: T) -> KeyChange:
    if key.secret or old is None:
        return KeyChange(name=key.name, old=None, new=None)
    return KeyChange(name=key.name, old=key.kind.write(old), new=key.kind.write(new))


def _readable_or_none(values: Values, key: Key[T]) -> T | None:
    """Return the value, None for a stored one that cannot be read, so that it can be replaced."""
    try:
        return values[key]
    except InternalError:
        return None


def _by_name(rows: Sequence[sa.Row[Any]]) -> Mapping[str, str]:
    return {row.name: row.value for row in rows}


_READ_ONLY: sa.ColumnElement[str] = sa.literal_column(f"'{READ_ONLY.name}'")
_SWITCH = sa.case((gate.WriteGate.admin_read_only, sa.literal_column("'true'")), else_=sa.literal_column("'false'"))
_STORED = sa.union_all(
    sa.select(ConfigurationValue.name, ConfigurationValue.value).where(ConfigurationValue.name != _READ_ONLY),
    sa.select(_READ_ONLY.label("name"), _SWITCH.label("value")),
)
"""All stored values, a few dozen rows, in one statement; the write gate stores the read-only switch."""
_TURN = sa.select(gate.WriteGate.name).with_for_update()
"""A row lock, so that changes of the configuration run one after the other."""
