"""An identity source that exists only in the tests: a directory of people, which can be down, slow or broken."""

import threading
from dataclasses import dataclass, field, replace
from typing import Final

import httpx
import sqlalchemy as sa

from app.context import Ports
from app.core.errors import UnavailableError
from app.core.plugins import Family
from app.db.database import writing
from app.identity.models import LoginFailure, User
from app.identity.people import GroupType
from app.identity.sources.source import Person, SourceGroup

NAME: Final = "directory"
PASSWORD: Final = "Directory12345"
ALICE: Final = ("alice", PASSWORD)
WHO: Final = "/api/v2.0/users/current"
TEAM: Final = SourceGroup(type=GroupType.HTTP, name="team")


def person(username: str, *, subject: str = "", email: str = "", groups: tuple[SourceGroup, ...] = ()) -> Person:
    """A person of the directory, whose id there is ``id-`` and the name unless another one is given."""
    address = email or f"{username}@directory.test"
    return Person(
        subject=subject or f"id-{username}", username=username, email=address, realname=username.title(), groups=groups
    )


@dataclass(slots=True, kw_only=True)
class Directory:
    """People by the name that they log in with; all have the same password."""

    name: str = NAME
    people: dict[str, Person] = field(default_factory=dict)
    is_enabled: bool = True
    failure: Exception | None = None
    answers: threading.Event = field(default_factory=threading.Event)
    """Cleared, the directory keeps everybody waiting."""
    entered: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released by each question, before the answer."""
    asked: list[str] = field(default_factory=list)
    """The names it was asked for."""

    def __post_init__(self) -> None:
        """Answer at once."""
        self.answers.set()

    def add(self, *people: Person) -> None:
        """Know these people, each by their name."""
        self.people |= {one.username: one for one in people}

    def change(self, name: str, **changes: object) -> None:
        """Know something else of a person."""
        self.people[name] = replace(self.people[name], **changes)  # type: ignore[arg-type] # fields of Person by name

    def enabled(self) -> bool:
        """As the test said."""
        return self.is_enabled

    def verify(self, name: str, password: str) -> Person | None:
        """As ``OutsideSource.verify``."""
        self.asked.append(name)
        self.entered.release()
        assert password
        assert not writing()
        if not self.answers.wait(timeout=30):
            raise UnavailableError
        if self.failure is not None:
            raise self.failure
        return self.people.get(name) if password == PASSWORD else None


def with_directory(ports: Ports, directory: Directory) -> Ports:
    """The same installation with the directory as its last source."""
    members = dict(ports.sources.members) | {directory.name: lambda _: directory}
    return replace(ports, sources=Family(ports.sources.name, members))


def row_of(ports: Ports, username: str) -> User | None:
    """The account of this name, None without one."""
    with ports.db.read() as session:
        return session.scalar(sa.select(User).where(User.username == username))


def status_of(client: httpx.Client, credentials: tuple[str, str]) -> int:
    """The status of a request that needs an account."""
    return client.get(WHO, auth=credentials).status_code


def counted_failures(ports: Ports) -> int:
    """How many counters of failed logins there are."""
    with ports.db.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(LoginFailure)) or 0
