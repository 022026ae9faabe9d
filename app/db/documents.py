"""SQL functions that build, measure and trim JSON documents in the database, so that lists load only what they show."""

from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.db.types import Document

T = TypeVar("T")


class object_of(FunctionElement[dict[str, Any]]):  # noqa: N801 - written like the SQL functions it stands beside
    """Aggregates (key, value) rows to a JSON object; for no rows, an empty one or NULL."""

    type: Any = Document
    inherit_cache: bool | None = True


@compiles(object_of, "postgresql")
def _object_of_postgresql(element: object_of, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"jsonb_object_agg({compiler.process(element.clauses, **options)})"


@compiles(object_of, "sqlite")
def _object_of_sqlite(element: object_of, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"json_group_object({compiler.process(element.clauses, **options)})"


class document_bytes(FunctionElement[int]):  # noqa: N801 - written like the SQL functions it stands beside
    """The bytes of a document as JSON; on SQLite, which stores ASCII text, at least as many."""

    type: Any = sa.BigInteger()
    inherit_cache: bool | None = True


@compiles(document_bytes, "postgresql")
def _document_bytes_postgresql(element: document_bytes, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"octet_length(CAST({compiler.process(element.clauses, **options)} AS TEXT))"


@compiles(document_bytes, "sqlite")
def _document_bytes_sqlite(element: document_bytes, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"length({compiler.process(element.clauses, **options)})"


class without_member(FunctionElement[dict[str, Any]]):  # noqa: N801 - written like the SQL functions it stands beside
    """The document of the first argument without the member named by the second."""

    type: Any = Document
    inherit_cache: bool | None = True


@compiles(without_member, "postgresql")
def _without_member_postgresql(element: without_member, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    document, name = (compiler.process(part, **options) for part in element.clauses)
    return f"({document} - CAST({name} AS TEXT))"


@compiles(without_member, "sqlite")
def _without_member_sqlite(element: without_member, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    document, name = (compiler.process(part, **options) for part in element.clauses)
    return f"json_remove({document}, '$.' || {name})"


def within(document: sa.SQLColumnExpression[T], most: sa.BindParameter[int]) -> sa.ColumnElement[T | None]:
    """Return an expression: the document if it has at most ``most`` bytes, else NULL."""
    return sa.case((document_bytes(document) <= most, document), else_=sa.null())
