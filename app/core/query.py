"""List queries as plain values: conditions on named columns, sort order and page."""

from dataclasses import dataclass, field
from datetime import datetime

from app.core.paging import OffsetPage

Scalar = str | int | datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """The column equals the value."""

    value: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzy:
    """The column contains the text, whatever its case."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The column lies between both ends, ends included; None is open."""

    low: Scalar | None
    high: Scalar | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """The column is strictly above ``low`` or strictly below ``high``; one of them is set."""

    low: Scalar | None = None
    high: Scalar | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """The column equals one of the values."""

    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """The item has all of the values (labels)."""

    values: tuple[Scalar, ...]


Condition = Exact | Fuzzy | Range | Beyond | AnyOf | AllOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A condition on a column, by its name in snake_case."""

    key: str
    condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """A column to order by."""

    key: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """The conditions, order and page of a list; every term must hold."""

    terms: tuple[Term, ...] = ()
    sort: tuple[SortKey, ...] = ()
    page: OffsetPage = field(default_factory=OffsetPage)

    def with_term(self, key: str, condition: Condition) -> "ListQuery":
        """Return the same query with one more condition."""
        return ListQuery(terms=(*self.terms, Term(key=key, condition=condition)), sort=self.sort, page=self.page)

    def values(self, key: str) -> tuple[Condition, ...]:
        """Return the conditions on ``key``."""
        return tuple(term.condition for term in self.terms if term.key == key)
