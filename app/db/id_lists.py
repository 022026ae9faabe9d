"""Lists of ids: an array on PostgreSQL, so that the text does not depend on their number, and ``IN`` on SQLite."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _among(FunctionElement[bool]):  # noqa: N801 - written like the SQL functions it stands beside
    type: Any = sa.types.NullType()
    """No boolean: SQLAlchemy would compare it with 1 on SQLite, which then reads no index."""
    inherit_cache: bool | None = True


@compiles(_among, "postgresql")
def _among_postgresql(element: _among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    column, ids = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY ({ids})"


@compiles(_among, "sqlite")
def _among_sqlite(element: _among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    column, ids = element.clauses
    name = getattr(ids, "key", "")
    return compiler.process(column.in_(sa.bindparam(name, expanding=True, type_=sa.BigInteger)), **options)


def among(column: sa.SQLColumnExpression[int], name: str = "ids") -> sa.ColumnElement[bool]:
    """Return the condition that the column is one of the ids, a list, of the parameter ``name``."""
    return _among(column, sa.bindparam(name, type_=ARRAY(sa.BigInteger)))
