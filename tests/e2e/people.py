"""People with a role in a project, made through the services: the API for it comes later than Docker's first push."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from unittest import mock

from app.access.principals import SYSTEM
from app.access.roles import Role
from app.context import Context
from app.identity.profiles import NewUser
from app.identity.service import UserService
from app.projects.members import MemberService
from app.settings import load
from app.wiring import build
from tests.support.instance import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can log in."""

    username: str
    password: str


@contextmanager
def inside(instance: Instance) -> Iterator[Context]:
    """The product's own context on a running installation's database, as its command line has it."""
    with mock.patch.dict(os.environ, instance.variables):
        settings = load()
    ports = build(settings)
    try:
        yield Context(ports, SYSTEM)
    finally:
        ports.db.dispose()


def person_in(instance: Instance, project: str, role: Role) -> Person:
    """Make an account and give it a role in the project."""
    name = f"{role.name.lower().replace('_', '-')}-{secrets.token_hex(3)}"
    person = Person(username=name, password=f"Aa1{secrets.token_urlsafe(12)}")
    with inside(instance) as ctx:
        new = NewUser(username=name, password=person.password, email=f"{name}@example.test", realname=name)
        account = UserService(ctx).create(new)
        MemberService(ctx).add(project, account.id, role)
    return person
