"""The rules for values of several keys together."""

from collections.abc import Container
from typing import Any

from app.configuration.key import Key
from app.configuration.keys import AUDIT_LOG_FORWARD_ENDPOINT, SKIP_AUDIT_LOG_DATABASE
from app.configuration.results import Values
from app.core.errors import InvalidError


def require_consistent(values: Values, changed: Container[Key[Any]]) -> None:
    """Raise InvalidError when ``changed`` keys contradict each other or other keys."""
    if SKIP_AUDIT_LOG_DATABASE not in changed and AUDIT_LOG_FORWARD_ENDPOINT not in changed:
        return
    if values[SKIP_AUDIT_LOG_DATABASE] and not values[AUDIT_LOG_FORWARD_ENDPOINT]:
        raise InvalidError(
            f"{AUDIT_LOG_FORWARD_ENDPOINT.name} must be set while {SKIP_AUDIT_LOG_DATABASE.name} is true: "
            "the audit log has to be kept somewhere"
        )
