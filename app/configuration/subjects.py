"""The subject of the admission checks of a configuration change."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.plugins import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationUpdate:
    """The keys that a change sets; a key that a check refuses is shown as not editable."""

    verb: ClassVar[Verb] = Verb.CONFIGURE
    denial: ClassVar[None] = None
    """A refused change is not audited."""

    names: frozenset[str]
