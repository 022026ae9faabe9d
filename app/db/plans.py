"""Statements of the hot path in the driver's own form, made once, so that a call costs little but the query."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Row, result_tuple
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

_Converter = Callable[[Any], Any]
_PER_CALL: Final = "%"
"""In the name that SQLAlchemy makes up for a column without one."""


class Plan:
    """One statement for one dialect: its text, how parameters go in, and how rows come out."""

    __slots__ = ("_given", "_into", "_names", "_order", "_out", "_row", "_text")

    def __init__(self, compiled: SQLCompiler, columns: Sequence[sa.ColumnElement[Any]], dialect: Dialect) -> None:
        binds = compiled.binds
        self._text = str(compiled)
        self._names = frozenset(name for name, bind in binds.items() if bind.required)
        self._given = {name: bind.value for name, bind in binds.items() if not bind.required}
        into = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        self._into = {name: convert for name, convert in into.items() if convert is not None}
        self._order = tuple(compiled.positiontup or ()) if compiled.positional else None
        out = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns)
        self._out = tuple((at, convert) for at, convert in enumerate(out) if convert is not None)
        self._row = result_tuple([str(column.name) for column in columns])

    def takes(self, parameters: Mapping[str, Any]) -> bool:
        """Whether these are the statement's parameters, no more and no fewer."""
        return parameters.keys() == self._names

    def rows(self, connection: PoolProxiedConnection, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """Run the statement and return all rows; raises the driver's own errors."""
        values = {**self._given, **parameters}
        for name, convert in self._into.items():
            values[name] = convert(values[name])
        cursor = connection.cursor()
        try:
            cursor.execute(self._text, values if self._order is None else tuple(values[name] for name in self._order))
            return [self._row(self._converted(found)) for found in cursor.fetchall()]
        finally:
            cursor.close()

    def run_many(self, connection: Connection, several: Sequence[Mapping[str, Any]]) -> None:
        """Run the statement once for each of ``several`` parameters, in the connection's transaction."""
        rows = [{**self._given, **parameters} for parameters in several]
        for name, convert in self._into.items():
            last = converted = _FIRST
            for row in rows:
                if row[name] is not last:
                    last = row[name]
                    converted = convert(last)
                row[name] = converted
        if self._order is None:
            connection.exec_driver_sql(self._text, rows)
        else:
            connection.exec_driver_sql(self._text, [tuple(map(row.__getitem__, self._order)) for row in rows])

    def _converted(self, found: Sequence[Any]) -> Sequence[Any]:
        if not self._out:
            return found
        values = list(found)
        for at, convert in self._out:
            values[at] = convert(values[at])
        return values


class Plans:
    """The plans of one database's statements. Safe between threads: at worst a plan is made twice."""

    def __init__(self, dialect: Dialect) -> None:
        """Plan for ``dialect``, which has to have been connected when a plan is made."""
        self._dialect = dialect
        self._plans: WeakKeyDictionary[sa.Executable, Plan | None] = WeakKeyDictionary()

    def find(self, statement: sa.Executable) -> Plan | None:
        """The statement's plan from its second run on, so that one built for a call is not planned; None without."""
        try:
            plan = self._plans[statement]
        except KeyError:
            self._plans[statement] = _FIRST
            return None
        if plan is _FIRST:
            plan = self._plans[statement] = self._made(statement)
        return plan

    def _made(self, statement: sa.Executable) -> Plan | None:
        if not isinstance(statement, sa.Select | sa.Insert | sa.Update):
            return None
        compiled = statement.compile(dialect=self._dialect)
        columns = list(statement.exported_columns)
        return Plan(compiled, columns, self._dialect) if _plain(compiled, columns) else None


def _plain(compiled: SQLCompiler, columns: Sequence[Any]) -> bool:
    """Whether the text is the same for all parameters, and every column has a name and a type of fixed form."""
    names = [getattr(column, "name", _PER_CALL) for column in columns]
    return (
        not compiled.post_compile_params
        and not compiled.literal_execute_params
        and not compiled.escaped_bind_names
        and not any(bind.callable or bind.expanding for bind in compiled.binds.values())
        and len(set(names)) == len(names)
        and not any(_PER_CALL in name for name in names)
        and not any(isinstance(column.type, sa.Numeric) for column in columns)
    )


_FIRST: Final[Any] = object()
