"""What a robot may be granted, for who makes robots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.access.decision import require_somebody
from app.access.table import ROBOT_PROJECT, ROBOT_SYSTEM
from app.context import Context
from app.core.errors import DeniedError
from app.projects.rights import administers_any
from app.robots.grants import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantable:
    """Everything that can be granted at each level."""

    system: Sequence[Access]
    project: Sequence[Access]


def grantable(ctx: Context) -> Grantable:
    """Both tables whole, for administrators of the system or of any project; DeniedError for others."""
    require_somebody(ctx.principal)
    if not ctx.principal.sysadmin and not administers_any(ctx):
        raise DeniedError("only administrators may see what robots can be granted")
    return Grantable(system=_rows(ROBOT_SYSTEM), project=_rows(ROBOT_PROJECT))


def _rows(table: Mapping[str, Sequence[str]]) -> list[Access]:
    return [Access(resource=resource, action=action) for resource, actions in table.items() for action in actions]
