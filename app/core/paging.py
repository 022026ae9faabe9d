"""Pages: by key (what comes strictly after ``last``) for the registry, by number for the management API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")
PAGE_SIZE_LIMIT: Final = 100
"""Rows that a page may be asked for."""
MOST_ROWS: Final = 1000
"""Rows of the longest page, that of a caller who asks for everything."""
LARGEST_ANSWER: Final = 4 * 1024 * 1024
"""Bytes that no list answers more than."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysetPage(Generic[T]):
    """Items in key order and whether more follow."""

    items: Sequence[T]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetPage:
    """A page as the management API counts it: ``number`` from 1, ``size`` items, at most ``MOST_ROWS``."""

    number: int = 1
    size: int = 10

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.number - 1) * self.size

    def at_most(self, rows: int) -> "OffsetPage":
        """Return this page, or the first one of ``rows`` items where it would be longer than any caller can name."""
        return self if self.size <= rows else OffsetPage(size=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[T]):
    """One page of a list and how many items the whole list has."""

    items: Sequence[T]
    total: int
    page: OffsetPage
