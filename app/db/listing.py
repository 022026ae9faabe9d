"""Lists as the management API asks for them: conditions, order and page put into a SELECT, over columns by name."""

from collections.abc import Mapping, Sequence
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
"""The names a list may be filtered and sorted by; all others are ignored, as Harbor does."""
_BOOLEANS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_LARGEST = 2**63 - 1


def conditions(query: ListQuery, columns: Columns) -> list[ColumnElement[bool]]:
    """The query's terms on known columns; InvalidError when a value does not fit its column's type."""
    return [_condition(columns[term.key], term.condition) for term in query.terms if term.key in columns]


def order(
    sort: Sequence[SortKey],
    columns: Columns,
    default: Sequence[sa.SQLColumnExpression[Any]],
    tie: sa.SQLColumnExpression[Any],
) -> list[sa.SQLColumnExpression[Any]]:
    """The wanted order, the default when nothing known is wanted; ``tie`` last, so that pages never overlap."""
    wanted = [
        columns[key.key].desc() if key.descending else columns[key.key].asc() for key in sort if key.key in columns
    ]
    return [*wanted, tie] if wanted else list(default)


def paged(statement: sa.Select[*Values], page: OffsetPage) -> sa.Select[*Values]:
    """The page's rows only."""
    return statement.limit(page.size).offset(min(page.offset, _LARGEST))


def windowed(statement: sa.Select[*Values]) -> sa.Select[*Values]:
    """As ``paged`` for a statement made once: where the page begins and ends are parameters, those of ``ends``."""
    limit, offset = (sa.bindparam(name, type_=sa.BigInteger) for name in ("limit", "offset"))
    return statement.limit(limit).offset(offset)


def ends(page: OffsetPage) -> dict[str, object]:
    """The parameters of a ``windowed`` statement for this page."""
    return {"limit": page.size, "offset": min(page.offset, _LARGEST)}


def counted(session: Session, statement: sa.Select[*tuple[Any, ...]]) -> int:
    """How many rows the statement has; it should select the key only and have no order."""
    return session.execute(sa.select(sa.func.count()).select_from(statement.subquery())).scalar_one()


def contains(column: sa.SQLColumnExpression[Any], text: str) -> ColumnElement[bool]:
    """The column contains ``text``, whatever its case."""
    return column.icontains(text, autoescape=True)


def pattern(text: str) -> str:
    """What ``contains`` looks for, as a LIKE pattern whose escape is ``/``."""
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
    wanted = _python_type(column)
    if isinstance(value, wanted) and type(value) is not bool:
        return _bounded(value)
    text = value.strftime("%Y-%m-%dT%H:%M:%S") if isinstance(value, datetime) else str(value)
    if wanted is str:
        return text
    if wanted is bool and text.lower() in _BOOLEANS:
        return _BOOLEANS[text.lower()]
    try:
        if wanted is int:
            return _bounded(int(text))
        if wanted is datetime:
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
