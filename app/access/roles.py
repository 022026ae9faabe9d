"""Project roles and the system's own callers."""

from enum import IntEnum


class Role(IntEnum):
    """Harbor's role ids; PUBLIC is what anyone holds on a public project and is stored nowhere."""

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
"""Strongest first."""


def strongest(roles: frozenset[Role]) -> Role | None:
    """The role that stands for several, None for none."""
    return next((role for role in POWER if role in roles), None)
