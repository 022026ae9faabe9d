"""Pages of lists: after a key (``last``) in the registry API, by number in the management API."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")
PAGE_SIZE_LIMIT: Final = 100
"""The largest ``page_size`` that a client may ask for."""
MOST_ROWS: Final = 1000
"""The most rows of a page, for a client that asks for everything."""
LARGEST_ANSWER: Final = 4 * 1024 * 1024
"""The most bytes of a list's answer."""


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
        """The number of rows before this page."""
        return (self.number - 1) * self.size

    def at_most(self, rows: int) -> "OffsetPage":
        """Return this page, or the first page of ``rows`` items when this one is larger."""
        return self if self.size <= rows else OffsetPage(size=rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed(Generic[T]):
    """One page of a list, and the number of items of the whole list."""

    items: Sequence[T]
    total: int
    page: OffsetPage
