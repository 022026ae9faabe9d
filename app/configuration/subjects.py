"""What the admission checks of a configuration change look at."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationUpdate:
    """Keys that get other values; a check that refuses a key makes it one that cannot be edited."""

    names: frozenset[str]
