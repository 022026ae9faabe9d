"""What happened to the configuration of the system."""

from dataclasses import dataclass

from app.events.base import Event


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationChanged(ConfigurationEvent):
    """Keys of the system configuration have other values; one fact for all keys of one change."""

    changes: tuple[KeyChange, ...]

    @property
    def resource(self) -> str:
        """The names of the keys."""
        return ", ".join(change.name for change in self.changes)


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
