"""Extension points of a query: higher features add columns and joins to a lower feature's statement."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from app.core.errors import InternalError

Statement = sa.Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contributor:
    """The columns and joins that one feature adds to another's query."""

    name: str
    extend: Callable[[Statement], Statement]
    """Adds columns called ``<name>_…`` and their joins, which must neither drop nor repeat rows."""


C = TypeVar("C", bound=Contributor)


class Contributors(Generic[C]):
    """The contributors of one query, in order; keeps each extended statement, so that its plan is kept too."""

    def __init__(self, *members: C) -> None:
        """Take the contributors; InternalError when two have the same name."""
        names = [member.name for member in members]
        if len(set(names)) != len(names):
            raise InternalError(f"contributors need names of their own: {', '.join(names)}")
        self._members = members
        self._statements: dict[tuple[Statement, tuple[str, ...]], Statement] = {}

    def __iter__(self) -> Iterator[C]:
        return iter(self._members)

    def __bool__(self) -> bool:
        return bool(self._members)

    def statement(self, base: Statement, chosen: Sequence[C] | None = None) -> Statement:
        """Return ``base``, a module's constant, extended by all members, or by the ``chosen`` ones.

        With no member it is ``base`` itself.
        """
        members = self._members if chosen is None else chosen
        if not members:
            return base
        key = base, tuple(member.name for member in members)
        extended = self._statements.get(key)
        if extended is None:
            extended = self._statements[key] = _extended(base, members)
        return extended


def _extended(base: Statement, members: Iterable[Contributor]) -> Statement:
    statement = base
    for member in members:
        known = len(statement.selected_columns)
        statement = member.extend(statement)
        added = [column.key for column in list(statement.selected_columns)[known:]]
        if not added or not all((name or "").startswith(f"{member.name}_") for name in added):
            raise InternalError(f"the columns of contributor {member.name} must be called {member.name}_…")
    return statement
