"""Alembic's entry point: runs the migrations on the connection or engine it is handed."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import String
from sqlalchemy.engine import Connection

from app.db import types
from app.db.migrate import is_declared
from app.tables import metadata


def _ours(_object: object, name: str | None, kind: str, _reflected: object, _compare_to: object) -> bool:
    return is_declared(kind, name)


def _render(kind: str, item: Any, _context: object) -> str | Literal[False]:  # noqa: ANN401 - alembic hands over any schema item
    """Write the product's own column types by their names in ``app.db.types``."""
    if kind != "type":
        return False
    if isinstance(item, types.UtcDateTime):
        return "types.UtcDateTime()"
    if item is types.BigId or item is types.Document:
        return "types.BigId" if item is types.BigId else "types.Document"
    if isinstance(item, String) and "postgresql" in getattr(item, "_variant_mapping", {}):
        return f"types.byte_text({item.length})"
    return False


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata(),
        render_as_batch=True,
        compare_type=True,
        include_object=_ours,
        render_item=_render,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


attributes: dict[str, Any] = context.config.attributes
if "connection" in attributes:
    _migrate(attributes["connection"])
else:
    with attributes["engine"].begin() as opened:
        _migrate(opened)
