"""Which audit rows are written: all but those that the configuration leaves out."""

from typing import Any

from app.configuration.keys import DISABLED_AUDIT_LOG_EVENT_TYPES, PULL_AUDIT_LOG_DISABLE
from app.configuration.service import ConfigurationService
from app.context import Context

_PULL = "pull_artifact"


def recorded(ctx: Context, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that are to be written, which have an operation and a resource type."""
    configuration = ConfigurationService(ctx)
    left_out = configuration.recent(DISABLED_AUDIT_LOG_EVENT_TYPES)
    if configuration.recent(PULL_AUDIT_LOG_DISABLE):
        left_out |= {_PULL}
    if not left_out:
        return rows
    return [row for row in rows if f"{row['operation']}_{row['resource_type']}" not in left_out]
