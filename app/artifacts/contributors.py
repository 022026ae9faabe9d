"""What other features may contribute to the query of a manifest pull and to the query of an artifact list."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.artifacts.subjects import Pull
from app.context import Context
from app.db.contributions import Contributor


@dataclass(frozen=True, slots=True, kw_only=True)
class PullVerdict(Contributor):
    """Allows or refuses a manifest pull by columns that it adds to the query over Artifact, Repository and Project."""

    judge: Callable[[Context, Pull, sa.Row[Any]], None]
    """Raises to refuse the pull, as an admission check does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSlot(Contributor):
    """Fills the member ``name`` of artifacts from columns that it adds to the query over Artifact and Repository."""

    value: Callable[[sa.Row[Any]], object]
    """Returns what the API shows; None to omit the member."""
    parameter: str = ""
    """The query parameter that asks for the member, as ``with_scan_overview``; empty when it is always shown."""
