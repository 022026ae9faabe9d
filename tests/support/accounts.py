"""People and projects for the tests, made through the services."""

from dataclasses import dataclass

from app.access.principals import SYSTEM
from app.access.roles import Role
from app.context import Context, Ports
from app.identity.profiles import NewUser
from app.identity.service import UserService
from app.projects.members import MemberService
from app.projects.service import NewProject, ProjectService

PASSWORD = "Harbor12345"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account; ``credentials`` is what httpx takes as ``auth``."""

    id: int
    name: str

    @property
    def credentials(self) -> tuple[str, str]:
        """Name and password."""
        return self.name, PASSWORD


def make_user(ports: Ports, name: str, *, sysadmin: bool = False) -> Person:
    """An account with the tests' password."""
    made = UserService(Context(ports, SYSTEM)).create(
        NewUser(username=name, password=PASSWORD, email=f"{name}@example.test", realname=name, sysadmin=sysadmin)
    )
    return Person(id=made.id, name=name)


def make_project(ports: Ports, name: str, *, public: bool = False, members: dict[Person, Role] | None = None) -> int:
    """A project of the first administrator, with members; returns its id."""
    ctx = Context(ports, SYSTEM)
    project = ProjectService(ctx).create(NewProject(name=name, metadata={"public": "true" if public else "false"}))
    for person, role in (members or {}).items():
        MemberService(ctx).add(project.id, person.id, role)
    return project.id
