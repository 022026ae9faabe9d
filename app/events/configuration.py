"""What happened to the configuration of the system."""

from dataclasses import dataclass
from typing import Final

from app.events.base import Event

_SHOWN: Final = 40
"""Characters of a value in the audit log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationEvent(Event):
    """A fact about the configuration of the system."""

    operation = "update"
    resource_type = "configuration"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """One configuration key and its values before and after; both None for a key that holds a secret."""

    name: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        """Write the change as the audit log shows it: ``session_timeout: 60 -> 30``."""
        if self.old is None or self.new is None:
            return self.name
        return f"{self.name}: {_shortened(self.old)} -> {_shortened(self.new)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChanged(ConfigurationEvent):
    """Keys of the system configuration have other values; one fact for all keys of one change."""

    changes: tuple[KeyChange, ...]

    @property
    def resource(self) -> str:
        """The keys with their values, as the audit log shows them."""
        return ", ".join(map(str, self.changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOnlySwitched(ConfigurationEvent):
    """The administrator switched read-only mode on or off."""

    on: bool

    @property
    def resource(self) -> str:
        """The switch and its position."""
        return f"read_only: {str(self.on).lower()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemAllowlistChanged(ConfigurationEvent):
    """The vulnerabilities that the system accepts are others now."""

    @property
    def resource(self) -> str:
        """The list has no other name."""
        return "CVE allowlist"


def _shortened(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[: _SHOWN - 1]}…"
