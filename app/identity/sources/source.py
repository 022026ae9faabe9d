"""The protocol of identity sources: what knows people and robots, and tells whose a name and a password are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from app.access.principals import Principal, PrincipalKind
from app.identity.people import GroupType


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceGroup:
    """A group as an outside source names it; ``dn`` is its distinguished name, which groups of LDAP have."""

    type: GroupType
    name: str
    dn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person whom an outside source vouches for, as the source knows them."""

    subject: str
    """The source's own id of the person: it never changes, and no other person is given it later."""
    username: str
    email: str = ""
    realname: str = ""
    groups: tuple[SourceGroup, ...] = ()
    """All groups of the person that may hold roles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogin:
    """The row of the account that a login names."""

    id: int
    username: str
    password_hash: str | None = field(repr=False)
    sysadmin: bool
    version: int
    source: str
    """The name of the identity source that the person belongs to."""
    disabled: bool


def _not_known() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A name and a password that a caller presents."""

    name: str
    """An account's name or a person's e-mail address."""
    password: str = field(repr=False)
    stored: StoredLogin | None = None
    """The account of that name or address, also when it belongs to another source or is disabled."""
    is_known: Callable[[], bool] = _not_known
    """Whether this password of this account was right before, which is asked only where it matters."""


@runtime_checkable
class Keeper(Protocol):
    """A source whose accounts are rows of this database: asked first, at each login, without a time limit.

    There is one for each kind of principal that logs in.
    """

    @property
    def name(self) -> str:
        """What ``User.source``, logs and errors call it."""
        ...

    @property
    def kind(self) -> PrincipalKind:
        """The kind of its principals."""
        ...

    @property
    def compares_anew(self) -> bool:
        """Whether ``verify`` is cheap enough for each request, so that what was verified is not remembered."""
        ...

    def reserves(self, name: str) -> bool:
        """Tell whether such names are its own, so that their passwords are shown to no outside source."""
        ...

    def verify(self, attempt: Attempt) -> Principal | None:
        """Return the principal whose credentials these are at this moment, None when they are not, or it is disabled.

        What takes long takes as long for a name that it does not know.
        """
        ...

    def by_id(self, principal_id: int) -> Principal | None:
        """Return the principal as the database has it now, None when it is disabled or gone."""
        ...


@runtime_checkable
class OutsideSource(Protocol):
    """A source that another system keeps (LDAP, OIDC): people get an account here at their first login."""

    @property
    def name(self) -> str:
        """What ``User.source``, logs and errors call it."""
        ...

    def enabled(self) -> bool:
        """Tell whether the configuration wants it to be asked."""
        ...

    def verify(self, name: str, password: str) -> Person | None:
        """Return the person whose credentials these are at this moment, None when they are not, or may not log in.

        Called in a thread of its own, which holds no transaction, by several threads at once. Its answer counts for
        ``outside.TIME_LIMIT`` seconds, and an empty password is never shown to it.

        Raises:
            UnavailableError: the other system does not answer.

        """
        ...
