"""A page of a long list: its length by a counter or counted up to a bound, its ids read from the nearer end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql import operators
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.core.paging import OffsetPage
from app.core.query import SortKey
from app.db.listing import Columns, counted, order

MOST_COUNTED: Final = 100_000
"""A list without a counter is counted up to this number of rows; beyond, its length is told as far as it was read."""
MOST_GATHERED: Final = 2_000
"""Up to this many rows that meet filters are found, counted and sorted by one statement."""
FEW: Final = 2_000
"""Up to this many rows of a known number are gathered and sorted; more are read in order, until the page is full."""
_LARGEST: Final = 2**62
_Order = Sequence[sa.SQLColumnExpression[Any]]


class unindexed(FunctionElement[int]):  # noqa: N801 - written like the SQL functions it stands beside
    """The column in a condition for which SQLite looks into no index, so that it goes along that of the order.

    PostgreSQL decides by what it knows of the column.
    """

    type: Any = sa.BigInteger()
    inherit_cache: bool | None = True


@compiles(unindexed, "postgresql")
def _unindexed_postgresql(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return compiler.process(element.clauses, **options)


@compiles(unindexed, "sqlite")
def _unindexed_sqlite(element: unindexed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"+{compiler.process(element.clauses, **options)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a list in their order."""

    matching: sa.Select[int]
    """The ids, written so that the database starts with the conditions."""
    along: sa.Select[int]
    """The same ids, written so that it goes along the index of the order; the same statement where it does anyway."""
    ordered: _Order
    filtered: bool
    """Whether the rows meet filters, so that no counter tells their number."""
    scattered: bool = False
    """Whether the conditions are not the beginning of the index of the order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """The ids of one page and the length of the list."""

    ids: Sequence[int]
    total: int


def page_of_ids(session: Session, rows: Rows, page: OffsetPage, total: Callable[[], int] | None = None) -> Ids:
    """Return the page's ids; ``total`` reads the length of the list from counters, if these are to be believed.

    Without it the rows are counted.
    """
    if rows.filtered:
        few = _gathered_or_none(session, rows, page)
        if few is not None:
            return few
    length = counted(session, rows.matching, MOST_COUNTED) if total is None else total()
    if total is None and length == MOST_COUNTED:
        return _from_the_front(session, rows, page)
    size = min(page.size, length - page.offset)
    if size <= 0:
        return Ids(ids=(), total=length)
    statement, ordered = rows.along, rows.ordered
    if rows.scattered and length <= FEW:
        few_rows, ordered = _gathered(rows, FEW)
        statement = sa.select(few_rows.c[0])
    if page.offset <= length // 2:
        return Ids(ids=_read(session, statement, ordered, size, page.offset), total=length)
    ids = _read(session, statement, backwards(ordered), size, length - page.offset - size)
    return Ids(ids=ids[::-1], total=length)


def sorted_by(
    sort: Sequence[SortKey], columns: Columns, default: _Order, key: sa.SQLColumnExpression[int]
) -> list[sa.SQLColumnExpression[Any]]:
    """Return the order that ``listing.order`` makes, with the key last, in the direction of the column before it.

    So one index serves a column in both directions.
    """
    known = [part for part in sort if part.key in columns]
    return order(sort, columns, default, key.desc() if known and known[-1].descending else key)


def backwards(ordered: _Order) -> list[sa.SQLColumnExpression[Any]]:
    """Return the reverse of an order."""
    return [column.asc() if descending else column.desc() for column, descending in map(_direction, ordered)]


def _from_the_front(session: Session, rows: Rows, page: OffsetPage) -> Ids:
    """Return a page of a list that is longer than it was counted: it goes on if there is one row more."""
    ids = _read(session, rows.along, rows.ordered, page.size + 1, min(page.offset, _LARGEST))
    return Ids(ids=ids[: page.size], total=max(MOST_COUNTED, page.offset + len(ids)) if ids else MOST_COUNTED)


def _gathered_or_none(session: Session, rows: Rows, page: OffsetPage) -> Ids | None:
    """Return the page by one statement; None when there are more rows than MOST_GATHERED, or none on the page."""
    few, ordered = _gathered(rows, MOST_GATHERED + 1)
    number = sa.select(sa.func.count()).select_from(few).scalar_subquery()
    statement = sa.select(few.c[0].label("id"), number.label("total")).order_by(*ordered)
    found = session.execute(statement.limit(page.size).offset(min(page.offset, _LARGEST))).all()
    if not found or found[0].total > MOST_GATHERED:
        return None
    return Ids(ids=[row.id for row in found], total=found[0].total)


def _gathered(rows: Rows, most: int) -> tuple[sa.CTE, _Order]:
    """Return the first rows, which are found before they are sorted, whatever the database thinks of their number."""
    keys = [_direction(column) for column in rows.ordered]
    columns: list[sa.Label[Any]] = [column.label(f"key_{place}") for place, (column, _) in enumerate(keys)]
    few = rows.matching.add_columns(*columns).limit(most).cte("few").prefix_with("MATERIALIZED")
    _, *sorted_by_keys = few.c
    return few, [
        column.desc() if descending else column.asc()
        for column, (_, descending) in zip(sorted_by_keys, keys, strict=True)
    ]


def _direction(ordered: Any) -> tuple[sa.SQLColumnExpression[Any], bool]:  # noqa: ANN401 - a column, or one with asc() or desc()
    """Return the column of a sort key, and whether it is sorted in descending order."""
    modifier = getattr(ordered, "modifier", None)
    if modifier in (operators.desc_op, operators.asc_op):
        return ordered.element, modifier is operators.desc_op
    return ordered, False


def _read(session: Session, statement: sa.Select[int], ordered: _Order, size: int, offset: int) -> Sequence[int]:
    return session.execute(statement.order_by(*ordered).limit(size).offset(offset)).scalars().all()
