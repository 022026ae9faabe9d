"""Search tables by a part of a name: equal names first, then names that begin with the text, then others that hold it.

Names consist of a-z, 0-9 and ``._/-``, so a text with any other character matches nothing and reaches no statement. The
part in the middle is found by an index of trigrams: a full-text table on SQLite, kept by triggers, and a GIN index on
PostgreSQL, whose planner needs to see the text and so gets it as a literal.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import ColumnElement

DERIVED: Final = "search_"
"""How the names begin of tables that hold nothing but indexes of other tables."""
MOST_EXAMINED: Final = 1_000
"""The most matches that a statement looks at to find those that the caller may see."""
MOST_SCANNED: Final = 10_000
"""The most rows that are compared one by one for a text without trigrams."""
_TRIGRAM: Final = 3
_Select = sa.Select[*tuple[Any, ...]]
_NAME: Final = re.compile(r"[a-z0-9._/-]{1,255}")
_AFTER: Final = "~"
"""Sorts after every character of a name."""
EQUAL, BEGINS, HOLDS = range(3)
"""The ranks of matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names of one table and how it is searched."""

    id: InstrumentedAttribute[int]
    names: tuple[InstrumentedAttribute[str], ...]
    """The full name, and a part of it by which rows are found as well; each with an index of its own."""
    index: str
    """The full-text table of the names on SQLite."""
    shown: tuple[InstrumentedAttribute[Any], ...] = ()
    """Further columns of the statement."""
    only: ColumnElement[bool] | None = None
    """The rows that can be found, all by default."""

    @property
    def rows(self) -> ColumnElement[bool]:
        """The condition of the rows that can be found."""
        return sa.true() if self.only is None else self.only


def searchable(text: str) -> str | None:
    """Return the text as names are written, None when no name can hold it."""
    lowered = text.strip().lower()
    return lowered if _NAME.fullmatch(lowered) else None


def parameters(text: str, dialect: str, *, indexed: bool) -> dict[str, object]:
    """Return the parameters that the statements of a ``searchable`` text have, but for their limits."""
    values: dict[str, object] = {"text": text, "end": text + _AFTER}
    if not indexed:
        return values
    if dialect == SQLITE:
        return values | {"phrase": f'"{text}"'}
    escaped = text.replace("_", r"\_")
    return values | {"pattern": f"%{escaped}%"}


def has_trigrams(text: str) -> bool:
    """Tell whether the text is long enough for the index of trigrams."""
    return len(text) >= _TRIGRAM


def matches(names: Names, dialect: str, *, indexed: bool) -> sa.CTE:
    """Return the first ``most`` matches as ``id``, ``name``, ``rank`` and the shown columns, in no order.

    With ``indexed`` the text must have trigrams. Else only the first MOST_SCANNED rows are searched for names that hold
    the text without beginning with it.
    """
    inside = _by_trigrams(names, dialect) if indexed else _by_scan(names, dialect)
    branches = [*_equal(names), *_beginning(names), inside]
    limited = [sa.select(branch.limit(_MOST).subquery()) for branch in branches]
    return sa.select(sa.union_all(*limited).subquery()).limit(_MOST).cte("matched")


def rank_of(names: Names) -> ColumnElement[int]:
    """Return the rank of a row that holds the text."""
    return sa.case(
        (sa.or_(*(name == TEXT for name in names.names)), EQUAL),
        (sa.or_(*map(_begins, names.names)), BEGINS),
        else_=HOLDS,
    )


def holds(name: sa.SQLColumnExpression[str], dialect: str) -> ColumnElement[bool]:
    """Return the condition that the name holds the text, for a comparison row by row."""
    position = sa.func.instr if dialect == SQLITE else sa.func.strpos
    return position(name, TEXT, type_=sa.Integer) > 0


def _equal(names: Names) -> Iterator[_Select]:
    for name in names.names:
        yield _rows(names, EQUAL).where(name == TEXT).order_by(names.names[0])


def _beginning(names: Names) -> Iterator[_Select]:
    for at, name in enumerate(names.names):
        before = [sa.not_(_begins(other)) for other in names.names[:at]]
        yield _rows(names, BEGINS).where(_begins(name), name != TEXT, *before).order_by(name)


def _by_trigrams(names: Names, dialect: str) -> _Select:
    rows = _rows(names, HOLDS).where(*(sa.not_(_begins(name)) for name in names.names))
    if dialect != SQLITE:
        return rows.where(names.names[0].like(_PATTERN))
    index = sa.table(names.index, sa.column("rowid", sa.Integer))
    matched = sa.literal_column(names.index).op("MATCH")(_PHRASE)
    return rows.join_from(index, names.id.class_, names.id == index.c.rowid).where(matched)


def _by_scan(names: Names, dialect: str) -> _Select:
    scanned = (
        sa.select(names.id.label("id"), *names.names, *names.shown)
        .where(names.rows)
        .order_by(names.id)
        .limit(sa.literal(MOST_SCANNED, sa.Integer))
        .subquery()
    )
    parts = [scanned.c[name.key] for name in names.names]
    shown = [scanned.c[column.key] for column in names.shown]
    rows = sa.select(scanned.c.id, parts[0].label("name"), sa.literal(HOLDS, sa.Integer).label("rank"), *shown)
    return rows.where(holds(parts[0], dialect), *(sa.not_(_begins(part)) for part in parts))


def _rows(names: Names, rank: int) -> _Select:
    full = names.names[0].label("name")
    shown: list[Any] = [sa.literal(rank, sa.Integer).label("rank"), *names.shown]
    return sa.select(names.id.label("id"), full, *shown).where(names.rows)


def _begins(name: sa.SQLColumnExpression[str]) -> ColumnElement[bool]:
    return sa.and_(name >= TEXT, name < _END)


SQLITE: Final = "sqlite"
TEXT: Final = sa.bindparam("text", type_=sa.String)
"""The text, as a parameter."""
_END: Final = sa.bindparam("end", type_=sa.String)
_PHRASE: Final = sa.bindparam("phrase", type_=sa.String)
_PATTERN: Final = sa.bindparam("pattern", type_=sa.String, literal_execute=True)
_MOST: Final = sa.bindparam("most", type_=sa.Integer)
