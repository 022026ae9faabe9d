"""Project roles, with Harbor's ids."""

from enum import IntEnum


class Role(IntEnum):
    """Harbor's role ids; PUBLIC is the role that every caller has on a public project, and is never stored."""

    PUBLIC = 0
    PROJECT_ADMIN = 1
    DEVELOPER = 2
    GUEST = 3
    MAINTAINER = 4
    LIMITED_GUEST = 5


POWER = (
    Role.PROJECT_ADMIN,
    Role.MAINTAINER,
    Role.DEVELOPER,
    Role.GUEST,
    Role.LIMITED_GUEST,
)
"""The roles that members can have, strongest first."""


def strongest(roles: frozenset[Role]) -> Role | None:
    """Return the strongest of a member's roles, None for an empty set."""
    return next((role for role in POWER if role in roles), None)
