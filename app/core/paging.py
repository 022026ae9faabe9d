"""Pages: by key (what comes strictly after ``last``) for the registry, by number for the management API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysetPage(Generic[T]):
    """Items in key order and whether more follow."""

    items: Sequence[T]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetPage:
    """A page as the management API counts it: ``number`` from 1, ``size`` items; size 0 means everything."""

    number: int = 1
    size: int = 10

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.size

    @property
    def limit(self) -> int | None:
        """Rows of this page, None for all."""
        return self.size or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[T]):
    """One page of a list and how many items the whole list has."""

    items: Sequence[T]
    total: int
    page: OffsetPage
