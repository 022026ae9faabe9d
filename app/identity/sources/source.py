"""The protocols of identity sources, which verify names and passwords of people and robots."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from app.access.principals import Principal, PrincipalKind
from app.identity.people import GroupType


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceGroup:
    """A group of an outside source; ``dn`` is its distinguished name, which LDAP groups have."""

    type: GroupType
    name: str
    dn: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person whose credentials an outside source has verified, with the source's attributes."""

    subject: str
    """The person's id in the source: it never changes and is never given to another person."""
    username: str
    email: str = ""
    realname: str = ""
    groups: tuple[SourceGroup, ...] = ()
    """The person's groups that may have roles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLogin:
    """The row of the account with the name or address of a login."""

    id: int
    username: str
    password_hash: str | None = field(repr=False)
    sysadmin: bool
    version: int
    source: str
    """The name of the person's identity source."""
    disabled: bool


def _not_known() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A name and a password to verify."""

    name: str
    """An account's name or a person's e-mail address."""
    password: str = field(repr=False)
    stored: StoredLogin | None = None
    """The account of the name or address, also of another source or disabled; None without one."""
    is_known: Callable[[], bool] = _not_known
    """Tell whether this password of this account was right before; called only when needed, as it costs a query."""


@runtime_checkable
class Keeper(Protocol):
    """A source whose accounts are rows of this database: asked first at each login, without a timeout.

    There is one for each kind of principal that can log in.
    """

    @property
    def name(self) -> str:
        """The name in ``User.source``, logs and errors."""
        ...

    @property
    def kind(self) -> PrincipalKind:
        """The kind of principals that it knows."""
        ...

    @property
    def compares_anew(self) -> bool:
        """Whether ``verify`` is cheap enough for each request, so that cached credentials are verified again."""
        ...

    def reserves(self, name: str) -> bool:
        """Tell whether only this source has such names, so that no outside source sees their passwords."""
        ...

    def verify(self, attempt: Attempt) -> Principal | None:
        """Return the principal of these credentials, None when they are wrong or the principal is disabled.

        Verifying takes as long for an unknown name.
        """
        ...

    def by_id(self, principal_id: int) -> Principal | None:
        """Return the current principal from the database, None when it is disabled or deleted."""
        ...


@runtime_checkable
class OutsideSource(Protocol):
    """A source in another system (LDAP, OIDC); people get an account here at their first login."""

    @property
    def name(self) -> str:
        """The name in ``User.source``, logs and errors."""
        ...

    def enabled(self) -> bool:
        """Tell whether the configuration enables the source."""
        ...

    def verify(self, name: str, password: str) -> Person | None:
        """Return the person of these credentials, None when they are wrong or the person may not log in.

        It is called in its own thread without a transaction, by several threads concurrently, never with an empty
        password. An answer after ``outside.TIME_LIMIT`` seconds is ignored.

        Raises:
            UnavailableError: the other system does not answer.

        """
        ...
