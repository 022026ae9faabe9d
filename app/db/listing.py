"""Turn list queries of the management API into SELECT statements: conditions, order and page."""

from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVarTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.core.errors import InvalidError
from app.core.paging import OffsetPage
from app.core.query import AllOf, AnyOf, Beyond, Condition, Exact, Fuzzy, ListQuery, Range, Scalar, SortKey

Values = TypeVarTuple("Values")
Columns = Mapping[str, sa.SQLColumnExpression[Any]]
"""The columns that a list may be filtered and sorted by, by name; other names are ignored, as in Harbor."""
_BOOLEANS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_LARGEST = 2**63 - 1


def conditions(query: ListQuery, columns: Columns, lower: Container[str] = frozenset()) -> list[ColumnElement[bool]]:
    """Return the query's terms on known columns as conditions; InvalidError when a value does not fit its column.

    The columns ``lower`` hold no capital letters, which makes parts of them faster to find.
    """
    return [
        columns[term.key].like(pattern(term.condition.text), escape="/")
        if term.key in lower and isinstance(term.condition, Fuzzy)
        else _condition(columns[term.key], term.condition)
        for term in query.terms
        if term.key in columns
    ]


def order(
    sort: Sequence[SortKey],
    columns: Columns,
    default: Sequence[sa.SQLColumnExpression[Any]],
    tie: sa.SQLColumnExpression[Any],
) -> list[sa.SQLColumnExpression[Any]]:
    """Return the sort order over known columns, or the default; ``tie`` comes last, so that pages never overlap."""
    known = [
        columns[key.key].desc() if key.descending else columns[key.key].asc() for key in sort if key.key in columns
    ]
    return [*known, tie] if known else list(default)


def paged(statement: sa.Select[*Values], page: OffsetPage) -> sa.Select[*Values]:
    """Limit the statement to the page's rows."""
    return statement.limit(page.size).offset(min(page.offset, _LARGEST))


def windowed(statement: sa.Select[*Values]) -> sa.Select[*Values]:
    """Limit a module's statement to a page that is given by parameters; ``ends`` makes them."""
    limit, offset = (sa.bindparam(name, type_=sa.BigInteger) for name in ("limit", "offset"))
    return statement.limit(limit).offset(offset)


def ends(page: OffsetPage) -> dict[str, object]:
    """Return the parameters of a ``windowed`` statement for this page."""
    return {"limit": page.size, "offset": min(page.offset, _LARGEST)}


def counted(session: Session, statement: sa.Select[*tuple[Any, ...]], most: int | None = None) -> int:
    """Count the statement's rows, up to ``most``; it should select only the key and have no order."""
    rows = statement if most is None else statement.limit(most)
    return session.execute(sa.select(sa.func.count()).select_from(rows.subquery())).scalar_one()


def contains(column: sa.SQLColumnExpression[Any], text: str) -> ColumnElement[bool]:
    """Return the condition that the column contains ``text``, whatever its case."""
    return column.icontains(text, autoescape=True)


def pattern(text: str) -> str:
    """Return the LIKE pattern of ``contains``, with ``/`` as its escape character."""
    for special in "/%_":
        text = text.replace(special, f"/{special}")
    return f"%{text.lower()}%"


def _condition(column: sa.SQLColumnExpression[Any], condition: Condition) -> ColumnElement[bool]:
    match condition:
        case Range() | Beyond() if _python_type(column) is bool:
            raise InvalidError("a range in query of what is only true or false")
        case Exact(value=value):
            return column == _fitting(column, value)
        case Fuzzy(text=text):
            return contains(sa.cast(column, sa.String) if _python_type(column) is not str else column, text)
        case Range(low=low, high=high):
            return sa.and_(
                sa.true(),
                *([] if low is None else [column >= _fitting(column, low)]),
                *([] if high is None else [column <= _fitting(column, high)]),
            )
        case Beyond(low=low, high=high):
            return column > _fitting(column, low) if low is not None else column < _fitting(column, high or "")
        case AnyOf(values=values) | AllOf(values=values):
            return column.in_([_fitting(column, value) for value in values])


def _fitting(column: sa.SQLColumnExpression[Any], value: Scalar) -> object:
    kind = _python_type(column)
    if isinstance(value, kind) and type(value) is not bool:
        return _bounded(value)
    text = value.strftime("%Y-%m-%dT%H:%M:%S") if isinstance(value, datetime) else str(value)
    if kind is str:
        return text
    if kind is bool and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        if kind is int:
            return _bounded(int(text))
        if kind is datetime:
            moment = datetime.fromisoformat(text)
            return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidError(f"invalid value {text[:100]!r} in query")


def _bounded(value: Scalar) -> Scalar:
    if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
        raise InvalidError(f"invalid value {value} in query")
    return value


def _python_type(column: sa.SQLColumnExpression[Any]) -> type:
    element: Any = column
    kind = element.type
    python_type: type = (kind.impl_instance if isinstance(kind, sa.types.TypeDecorator) else kind).python_type
    return python_type
