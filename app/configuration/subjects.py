"""What the admission checks of a configuration change look at."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.plugins import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationUpdate:
    """Keys that get other values; a check that refuses a key makes it one that cannot be edited."""

    verb: ClassVar[Verb] = Verb.CONFIGURE
    denial: ClassVar[None] = None
    """A refused change is not on record."""

    names: frozenset[str]
