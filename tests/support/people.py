"""One installation with an account for each kind of caller, and projects for each case."""

from dataclasses import dataclass

from app.access.roles import Role
from app.context import Ports
from tests.support.accounts import Person, make_project, make_user

ROLES = {
    "master": Role.PROJECT_ADMIN,
    "maintainer": Role.MAINTAINER,
    "developer": Role.DEVELOPER,
    "guest": Role.GUEST,
    "limited": Role.LIMITED_GUEST,
}
PRIVATE, PUBLIC = "private", "public"
"""Projects in which everyone of ROLES is a member."""


@dataclass(frozen=True, slots=True)
class People:
    """``admin`` administers the system, ``stranger`` belongs to no project, the others hold the role of their name."""

    by_name: dict[str, Person]

    def __getitem__(self, name: str) -> Person:
        return self.by_name[name]


def settle(ports: Ports) -> People:
    """Make the accounts and the projects."""
    admin = make_user(ports, "admin", sysadmin=True)
    members = {make_user(ports, name): role for name, role in ROLES.items()}
    make_project(ports, PRIVATE, members=members)
    make_project(ports, PUBLIC, public=True, members=members)
    stranger = make_user(ports, "stranger")
    return People({person.name: person for person in (admin, stranger, *members)})
