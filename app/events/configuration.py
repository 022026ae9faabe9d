"""The events of the system configuration."""

from dataclasses import dataclass
from typing import Final

from app.events.base import Event

_SHOWN: Final = 40
"""The most characters of a value in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationEvent(Event):
    """An event of the system configuration."""

    operation = "update"
    resource_type = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """A configuration key with its old and new value; both None for a secret key."""

    name: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        """Return the change as the audit log shows it: ``session_timeout: 60 -> 30``."""
        if self.old is None or self.new is None:
            return self.name
        return f"{self.name}: {_shortened(self.old)} -> {_shortened(self.new)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChanged(ConfigurationEvent):
    """The values of configuration keys were changed; one event for all keys of a change."""

    changes: tuple[KeyChange, ...]

    @property
    def resource(self) -> str:
        """The keys with their values, as the audit log shows them."""
        return ", ".join(map(str, self.changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemAllowlistChanged(ConfigurationEvent):
    """The system's CVE allowlist was changed."""

    @property
    def resource(self) -> str:
        """The name of the allowlist."""
        return "CVE allowlist"


def _shortened(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"
