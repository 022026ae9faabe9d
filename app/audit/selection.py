"""Choose the audit log rows that are written: all but the types that the configuration disables."""

from typing import Any

from app.configuration.keys import DISABLED_AUDIT_LOG_EVENT_TYPES, PULL_AUDIT_LOG_DISABLE
from app.configuration.service import ConfigurationService
from app.context import Context

_PULL = "pull_artifact"


def recorded(ctx: Context, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows that the configuration does not disable; each has an ``operation`` and a ``resource_type``."""
    configuration = ConfigurationService(ctx)
    disabled = configuration.recent(DISABLED_AUDIT_LOG_EVENT_TYPES)
    if configuration.recent(PULL_AUDIT_LOG_DISABLE):
        disabled |= {_PULL}
    if not disabled:
        return rows
    return [row for row in rows if f"{row['operation']}_{row['resource_type']}" not in disabled]
