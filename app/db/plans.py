"""Compiled statements of the hot path: run a module's statement by the driver, without SQLAlchemy's overhead."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Dialect, Row, result_tuple
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.sql.compiler import SQLCompiler

_Converter = Callable[[Any], Any]
_PER_CALL: Final = "%"
"""Occurs in the name that SQLAlchemy generates for a column without one."""
_LIST: Final = re.compile(r"__\[POSTCOMPILE_(\w+)\]")
"""The placeholder of SQLAlchemy for a list of values."""
_LONGEST_LIST: Final = 16
_PLANS: Final = "plans"
_DRIVER: Final = "driver"


class Plan:
    """A statement compiled for one dialect: its text, and the converters of its parameters and rows."""

    __slots__ = ("_given", "_into", "_lists", "_names", "_order", "_out", "_row", "_text")

    def __init__(self, compiled: SQLCompiler, columns: Sequence[sa.ColumnElement[Any]], dialect: Dialect) -> None:
        binds = compiled.binds
        self._text = str(compiled)
        self._names = frozenset(name for name, bind in binds.items() if bind.required)
        self._lists = tuple(name for name, bind in binds.items() if bind.expanding)
        self._given = {name: bind.value for name, bind in binds.items() if not bind.required}
        into = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        self._into = {name: convert for name, convert in into.items() if convert is not None}
        self._order = tuple(compiled.positiontup or ()) if compiled.positional else None
        out = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns)
        self._out = tuple((at, convert) for at, convert in enumerate(out) if convert is not None)
        self._row = result_tuple([str(column.name) for column in columns]) if columns else None

    @property
    def text(self) -> str:
        """The statement's text, with one placeholder for each list of values."""
        return self._text

    def takes(self, parameters: Mapping[str, Any]) -> bool:
        """Tell whether these are exactly the statement's parameters, and its lists short and not empty."""
        return parameters.keys() == self._names and all(
            0 < len(parameters[name]) <= _LONGEST_LIST for name in self._lists
        )

    def rows(self, connection: PoolProxiedConnection, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """Run the statement and return its rows, an empty list when it returns none; raises the driver's errors."""
        values = {**self._given, **parameters}
        for name, convert in self._into.items():
            values[name] = convert(values[name])
        cursor = connection.cursor()
        try:
            if self._order is None:
                cursor.execute(self._text, values)
            elif self._lists:
                cursor.execute(*self._spread(self._order, values))
            else:
                cursor.execute(self._text, tuple(values[name] for name in self._order))
            row = self._row
            return [] if row is None else [row(self._converted(values)) for values in cursor.fetchall()]
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

    def _spread(self, order: Sequence[str], values: Mapping[str, Any]) -> tuple[str, list[Any]]:
        """Return the text with a placeholder for each value of each list, and the values in that order."""
        text = _LIST.sub(lambda match: ", ".join("?" * len(values[match[1]])), self._text)
        spread: list[Any] = []
        for name in order:
            if name in self._lists:
                spread.extend(values[name])
            else:
                spread.append(values[name])
        return text, spread

    def _converted(self, fetched: Sequence[Any]) -> Sequence[Any]:
        if not self._out:
            return fetched
        values = list(fetched)
        for at, convert in self._out:
            values[at] = convert(values[at])
        return values


class Plans:
    """The plans of one database's statements; thread-safe, at worst a plan is made twice."""

    def __init__(self, dialect: Dialect) -> None:
        """Make plans for ``dialect``, which must have connected once before the first."""
        self._dialect = dialect
        self._plans: WeakKeyDictionary[sa.Executable, Plan | None] = WeakKeyDictionary()

    @property
    def for_sessions(self) -> dict[Any, Any]:
        """The ``info`` of a session that ``run`` can use."""
        return {_PLANS: self}

    def find(self, statement: sa.Executable) -> Plan | None:
        """Return the statement's plan; None on its first run, and for one that cannot be planned.

        So a statement that is built for a single call is never compiled here.
        """
        try:
            plan = self._plans[statement]
        except KeyError:
            self._plans[statement] = _FIRST
            return None
        if plan is _FIRST:
            plan = self._plans[statement] = self._plan_or_none(statement)
        return plan

    def error(self, plan: Plan, error: Exception) -> DBAPIError | None:
        """Return a driver's error as SQLAlchemy would raise it; None for any other exception."""
        base = self._dialect.loaded_dbapi.Error
        if not isinstance(error, base):
            return None
        wrapped = DBAPIError.instance(plan.text, None, error, base, hide_parameters=True, dialect=self._dialect)
        return wrapped if isinstance(wrapped, DBAPIError) else None

    def _plan_or_none(self, statement: sa.Executable) -> Plan | None:
        if not isinstance(statement, sa.Select | sa.CompoundSelect | sa.Insert | sa.Update | sa.Delete):
            return None
        compiled = statement.compile(dialect=self._dialect)
        columns = list(statement.exported_columns)
        return Plan(compiled, columns, self._dialect) if _plain(compiled, columns) else None


def run(session: Session, statement: sa.Executable, parameters: Mapping[str, Any]) -> Sequence[Row[Any]]:
    """Run a module's statement in the session's transaction and return its rows, an empty list when it returns none.

    From the second run on it uses the statement's plan, at a fifth of SQLAlchemy's cost; raises SQLAlchemy's errors.
    """
    plans: Plans | None = session.info.get(_PLANS)
    plan = None if plans is None else plans.find(statement)
    if plans is None or plan is None or not plan.takes(parameters):
        result = session.connection().execute(statement, parameters)
        return result.all() if result.returns_rows else []
    driver: PoolProxiedConnection | None = session.info.get(_DRIVER)
    if driver is None:
        driver = session.info[_DRIVER] = session.connection().connection
    try:
        return plan.rows(driver, parameters)
    except Exception as error:
        as_raised = plans.error(plan, error)
        if as_raised is None:
            raise
        raise as_raised from error


def run_many(session: Session, statement: sa.Executable, several: Sequence[Mapping[str, Any]]) -> None:
    """Run a module's writing statement for each of ``several`` parameters in the session's transaction."""
    plans: Plans | None = session.info.get(_PLANS)
    plan = None if plans is None else plans.find(statement)
    if plan is not None and all(plan.takes(parameters) for parameters in several):
        plan.run_many(session.connection(), several)
    else:
        session.connection().execute(statement, several)


def _plain(compiled: SQLCompiler, columns: Sequence[Any]) -> bool:
    """Tell whether the text depends on no parameter but the lengths of lists, and all columns have names."""
    names = [getattr(column, "name", _PER_CALL) for column in columns]
    lists = [name for name, bind in compiled.binds.items() if bind.expanding]
    return (
        sorted(_LIST.findall(str(compiled))) == sorted(lists)
        and (not lists or (compiled.positional and all(_raw(compiled, name) for name in lists)))
        and not compiled.literal_execute_params
        and not compiled.escaped_bind_names
        and not compiled.insert_prefetch
        and not compiled.update_prefetch
        and not any(bind.callable for bind in compiled.binds.values())
        and len(set(names)) == len(names)
        and not any(_PER_CALL in name for name in names)
        and not any(isinstance(column.type, sa.Numeric) for column in columns)
    )


def _raw(compiled: SQLCompiler, name: str) -> bool:
    """Tell whether the values of a list go to the driver unconverted."""
    bind = compiled.binds[name]
    return bind.required and bind.type.dialect_impl(compiled.dialect).bind_processor(compiled.dialect) is None


_FIRST: Final[Any] = object()
