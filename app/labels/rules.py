"""Validation of labels, without I/O."""

import re
from typing import Final

from app.core.errors import FieldInvalid
from app.labels.results import Scope

MOST_LABELS: Final = 1000
"""The most labels of one project, and the most global ones."""
_NAME_BYTES: Final = 128
_DESCRIPTION_LENGTH: Final = 1024
_COLOR_BYTES: Final = 16
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def require_scope(scope: str, project_id: int) -> int | None:
    """Return the project of labels of this scope, None for global ones; FieldInvalid for anything else."""
    if scope == Scope.GLOBAL:
        return None
    if scope != Scope.PROJECT:
        raise FieldInvalid("scope", "g for global labels or p for those of a project")
    if project_id <= 0:
        raise FieldInvalid("project_id", "the id of the project when the scope is p")
    return project_id


def require_fields(name: str, description: str, color: str) -> None:
    """Raise FieldInvalid unless these can be a label's name, description and colour."""
    if not 1 <= len(name.encode()) <= _NAME_BYTES or _CONTROL.search(name):
        raise FieldInvalid("name", f"1 to {_NAME_BYTES} bytes without control characters")
    if len(description) > _DESCRIPTION_LENGTH:
        raise FieldInvalid("description", f"at most {_DESCRIPTION_LENGTH} characters")
    if len(color.encode()) > _COLOR_BYTES or _CONTROL.search(color):
        raise FieldInvalid("color", f"at most {_COLOR_BYTES} bytes without control characters")
