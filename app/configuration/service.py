"""The system configuration: what the environment pins, else what is stored, else the default."""

from collections.abc import Mapping

import sqlalchemy as sa

from app.configuration.keys import KEYS, Key
from app.configuration.models import ConfigurationValue
from app.context import Context


class ConfigurationService:
    """Reads configuration keys. Nothing is cached: a change holds for every process at once."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def values(self, *keys: Key) -> Mapping[str, str]:
        """The values of these keys (all when none is named) by name, in one query."""
        wanted = keys or tuple(KEYS.values())
        pins = self._ctx.ports.settings.configuration
        open_names = [key.name for key in wanted if key.name not in pins]
        stored = self._stored(open_names) if open_names else {}
        return {key.name: self._value(key, pins.get(key.name, stored.get(key.name))) for key in wanted}

    def text(self, key: Key) -> str:
        """The value of one key."""
        return self.values(key)[key.name]

    def flag(self, key: Key) -> bool:
        """The value of a yes-or-no key."""
        return self.text(key) == "true"

    def number(self, key: Key) -> int:
        """The value of a key that is a whole number."""
        return int(self.text(key))

    def pinned(self, key: Key) -> bool:
        """Tell whether the environment decides this key, so that nobody can change it here."""
        return key.name in self._ctx.ports.settings.configuration

    def _stored(self, names: list[str]) -> Mapping[str, str]:
        return {row.name: row.value for row in self._ctx.rows(_STORED, {}) if row.name in names}

    @staticmethod
    def _value(key: Key, given: str | None) -> str:
        return key.default if given is None else key.checked(given)


_STORED = sa.select(ConfigurationValue.name, ConfigurationValue.value)
"""All that is stored, a few dozen rows: one statement for whatever is asked for."""
