"""Small documents made by the database out of many rows, so that a list needs no second query for them."""

from typing import Any

from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from app.db.types import Document


class object_of(FunctionElement[dict[str, Any]]):  # noqa: N801 - written like the SQL functions it stands beside
    """An aggregate of (text, value) rows: a JSON object, for no rows an empty one or NULL."""

    type: Any = Document
    inherit_cache: bool | None = True


@compiles(object_of, "postgresql")
def _object_of_postgresql(element: object_of, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"jsonb_object_agg({compiler.process(element.clauses, **options)})"


@compiles(object_of, "sqlite")
def _object_of_sqlite(element: object_of, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's
    return f"json_group_object({compiler.process(element.clauses, **options)})"
