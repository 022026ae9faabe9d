"""What other features may add to the query of a manifest pull and to that of a list of artifacts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.artifacts.subjects import Pull
from app.context import Context
from app.db.contributions import Contributor


@dataclass(frozen=True, slots=True, kw_only=True)
class PullVerdict(Contributor):
    """Judges pulls of manifests by what it adds to their query, over Artifact, Repository and Project."""

    judge: Callable[[Context, Pull, sa.Row[Any]], None]
    """Refuses by raising, as an admission check does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSlot(Contributor):
    """Fills the member ``name`` of artifacts by what it adds to their query, over Artifact and Repository."""

    value: Callable[[sa.Row[Any]], object]
    """What the API shows, None for nothing."""
    parameter: str = ""
    """The parameter that asks for it, as ``with_scan_overview``; empty for one that is always shown."""
