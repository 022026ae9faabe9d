"""The promises of identity sources, for every member of the family and for the one that exists only in the tests."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa

from app.access.principals import SYSTEM, Principal, PrincipalKind
from app.context import Context, Ports
from app.core.errors import InternalError
from app.core.plugins import Family
from app.factory import create_app
from app.identity.models import User
from app.identity.service import UserService
from app.identity.sources.database import DatabaseSource
from app.identity.sources.members import Sources
from app.identity.sources.source import Attempt, Keeper, OutsideSource, StoredLogin
from app.robots.credentials import RobotSource
from app.robots.grants import GrantedAction, SpacePermission
from app.robots.service import NewRobot, RobotService
from app.sources import sources
from tests.support import accounts, directory
from tests.support.directory import Directory

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A member that knows one account; ``disable`` shuts it out there."""

    ports: Ports
    member: Keeper | OutsideSource
    name: str
    password: str
    disable: Callable[[], None]

    def verify(self, name: str, password: str) -> str | None:
        """The name of whom the member finds, None for nobody."""
        if not isinstance(self.member, Keeper):
            person = self.member.verify(name, password)
            return None if person is None else person.username
        attempt = Attempt(name=name, password=password, stored=stored(self.ports, name))
        principal = self.member.verify(attempt)
        return None if principal is None else principal.name


def stored(ports: Ports, name: str) -> StoredLogin | None:
    columns = [getattr(User, column) for column in StoredLogin.__slots__]
    with ports.db.read() as session:
        row = session.execute(sa.select(*columns).where(User.username == name)).one_or_none()
        return None if row is None else StoredLogin(**row._asdict())


def _robots(ports: Ports) -> Subject:
    robots = RobotService(Context(ports, SYSTEM))
    permission = SpacePermission(kind="system", namespace="/", access=(GrantedAction(resource="user", action="list"),))
    made = robots.create(NewRobot(name="ci", level="system", permissions=[permission]))
    return Subject(
        ports=ports,
        member=RobotSource(ports),
        name=made.name,
        password=made.secret,
        disable=lambda: robots.delete(made.id),
    )


def _database(ports: Ports) -> Subject:
    accounts.make_user(ports, "admin", sysadmin=True)
    made = accounts.make_user(ports, "someone")
    return Subject(
        ports=ports,
        member=DatabaseSource(ports),
        name=made.name,
        password=accounts.PASSWORD,
        disable=lambda: UserService(Context(ports, SYSTEM)).disable(made.id),
    )


def _directory(ports: Ports) -> Subject:
    member = Directory()
    member.add(directory.person("someone"))
    return Subject(ports=ports, member=member, name="someone", password=directory.PASSWORD, disable=member.people.clear)


SUBJECTS = {"robots": _robots, "database": _database, "directory": _directory}


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest, ports: Ports) -> Subject:
    """Each member, with an account of its own."""
    return SUBJECTS[request.param](ports)


def test_every_member_of_the_product_is_in_this_suite() -> None:
    assert set(sources().members) == set(SUBJECTS) - {"directory"}


class TestPromises:
    def test_the_right_password(self, subject: Subject) -> None:
        assert subject.verify(subject.name, subject.password) == subject.name

    def test_wrong_ones(self, subject: Subject) -> None:
        wrong = (subject.password.lower(), subject.password + "x", subject.password[:-1], "x" * 1024, "*")
        assert [subject.verify(subject.name, one) for one in wrong] == [None] * len(wrong)

    def test_names_that_it_does_not_know(self, subject: Subject) -> None:
        names = ("nobody", "*", "someone)(uid=*", "", "robot$", "robot$nobody", subject.name + "x", "x" * 255)
        assert [subject.verify(one, subject.password) for one in names] == [None] * len(names)

    def test_who_is_disabled_there(self, subject: Subject) -> None:
        subject.disable()
        assert subject.verify(subject.name, subject.password) is None

    @ONE_DATABASE
    def test_several_threads_ask_at_once(self, subject: Subject) -> None:
        passwords = [subject.password, "Wrong12345"] * 8
        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(lambda one: subject.verify(subject.name, one), passwords))
        assert answers == [subject.name, None] * 8

    @ONE_DATABASE
    def test_it_writes_no_password_anywhere(self, subject: Subject) -> None:
        attempt = Attempt(name=subject.name, password=subject.password, stored=stored(subject.ports, subject.name))
        assert subject.password not in repr(attempt)
        assert subject.password not in repr(vars(subject.member) if hasattr(subject.member, "__dict__") else "")


class TestKeepers:
    def test_an_id_is_answered_as_the_database_has_it_now(self, subject: Subject) -> None:
        if not isinstance(subject.member, Keeper):
            return
        attempt = Attempt(name=subject.name, password=subject.password, stored=stored(subject.ports, subject.name))
        found = subject.member.verify(attempt)
        assert found is not None
        assert found.kind is subject.member.kind
        again = subject.member.by_id(found.id)
        assert again == replace(found, secret_hash="")
        subject.disable()
        assert (subject.member.by_id(found.id), subject.member.by_id(found.id + 1)) == (None, None)


class _Nameless:
    """Forgets its name."""

    def enabled(self) -> bool:
        return True

    def verify(self, name: str, password: str) -> None:
        assert name != password


class _HalfAKeeper:
    """Reserves names, and is neither a whole keeper nor an outside source."""

    name = "half"

    def reserves(self, name: str) -> bool:
        return bool(name)

    def verify(self, attempt: Attempt) -> Principal | None:
        raise NotImplementedError(attempt.name)


class _SecondKeeper(DatabaseSource):
    """Keeps what another one keeps."""

    name = "second"  # type: ignore[misc] # what another class must not be called


class _Renamed(Directory):
    """Is listed under another name than its own."""


@ONE_DATABASE
class TestStart:
    """What is forgotten about a member ends the start of the process, with its name."""

    @pytest.mark.parametrize(
        ("name", "member", "message"),
        [
            ("nameless", _Nameless(), r"'nameless' lacks .*OutsideSource \(name\)"),
            ("half", _HalfAKeeper(), r"'half' lacks .*Keeper \(kind, compares_anew, by_id\) or an .*\(enabled\)"),
            ("ldap", _Renamed(name="other"), "'ldap' is called 'other'"),
            ("Bad Name", Directory(name="Bad Name"), "no plain name"),
        ],
        ids=["no name", "half a keeper", "another name", "no plain name"],
    )
    def test_a_member_that_is_incomplete(self, ports: Ports, name: str, member: object, message: str) -> None:
        listed = replace(ports, sources=Family("identity source", {**ports.sources.members, name: lambda _: member}))
        with pytest.raises(InternalError, match=message):
            create_app(listed)

    def test_a_second_keeper_of_one_kind(self, ports: Ports) -> None:
        listed = replace(ports, sources=Family("identity source", {**ports.sources.members, "second": _SecondKeeper}))
        with pytest.raises(InternalError, match=r"each of .* needs one keeper"):
            create_app(listed)

    @pytest.mark.parametrize("forgotten", ["robots", "database"])
    def test_a_keeper_that_is_not_in_the_list(self, ports: Ports, forgotten: str) -> None:
        members = {name: make for name, make in ports.sources.members.items() if name != forgotten}
        with pytest.raises(InternalError, match=r"each of .* needs one keeper"):
            create_app(replace(ports, sources=Family("identity source", members)))

    def test_the_products_own_list_is_complete(self, ports: Ports) -> None:
        built = Sources(ports, places=1)
        assert [keeper.name for keeper in built.keepers] == ["robots", "database"]
        assert built.keeper(PrincipalKind.ROBOT).compares_anew
