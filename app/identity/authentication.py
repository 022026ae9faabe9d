"""Who is behind a name and a password."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.access.principals import Principal, PrincipalKind
from app.context import Context, Ports
from app.core.blocking import about_to_block
from app.core.errors import UnauthenticatedError, UnavailableError
from app.events.management import LoginFailed
from app.identity import known_logins, throttle
from app.identity.models import User
from app.identity.passwords import Passwords
from app.identity.rules import email_key
from app.identity.standing import RobotAccounts, Standing

_CACHE_SECONDS = 60.0
_CACHED = 4_000
_TURNS = 256
_NAME_LIMIT = 255
_PASSWORD_LIMIT = 1024
_ADDRESS_LIMIT = 64


@dataclass(frozen=True, slots=True)
class _Verified:
    kind: PrincipalKind
    id: int
    version: int
    until: float


class Authenticator:
    """Verifies credentials; remembers verified ones for 60 s under a keyed hash, bound to the account's version.

    The version is asked of the database at each use, and a robot's secret is compared anew, so that what has ended in
    any process is refused at once. What is not remembered is verified one after another for each name and address, so
    that guesses at once are delayed too.
    """

    def __init__(self, ports: Ports, robots: RobotAccounts) -> None:
        self.standing = Standing(ports.db, ports.clock, robots)
        self._ports = ports
        self._robots = robots
        self._passwords = Passwords()
        self._verified: dict[str, _Verified] = {}
        self._lock = threading.Lock()
        self._turns = tuple(threading.Lock() for _ in range(_TURNS))

    def basic(self, username: str, password: str, address: str) -> Principal:
        """The principal of a name, or a person's e-mail address, and its password, as it is at this moment.

        UnauthenticatedError when they are wrong or the account is disabled or over; TooManyRequests while a delay after
        failures from this ``address`` lasts, which never holds up what was right before.
        """
        if not _plausible(username, password):
            raise UnauthenticatedError
        key = self._ports.keys.keyed_hash("credential", username, password)
        remembered = self._remembered(key, username, password)
        if remembered is not None:
            return remembered
        about_to_block()
        with self._turns[hash((username, throttle.place_of(address))) % _TURNS]:
            remembered = self._remembered(key, username, password)
            return remembered or self._verify(key, username, password, address[:_ADDRESS_LIMIT])

    def _remembered(self, key: str, username: str, password: str) -> Principal | None:
        verified = self._verified.get(key)
        if verified is None or verified.until <= self._ports.clock.now().timestamp():
            return None
        if verified.kind is PrincipalKind.ROBOT:
            return self._robot(username, password)
        principal = self.standing.at_once(verified.kind, verified.id)
        return principal if principal is not None and principal.version == verified.version else None

    def _verify(self, key: str, username: str, password: str, address: str) -> Principal:
        row, place = self._account(username), throttle.place_of(address)
        account = username if row is None else str(row.username)
        known = known_logins.asking(self._ports, account, password)
        throttle.refuse_while_delayed(self._ports.db, account, place, known)
        principal = self._robot(username, password) or self._person(row, password, known)
        if principal is None:
            ctx = Context(self._ports, address=address)
            with ctx.write() as session:
                throttle.record_failure(session, account, place)
                ctx.emit(LoginFailed(username=username, address=address))
            raise UnauthenticatedError
        self._remember(key, principal)
        if not known():
            with contextlib.suppress(UnavailableError), self._ports.db.write(durable=False) as session:
                throttle.clear(session, account, place)
                known_logins.remember(session, self._ports, account, password)
        return principal

    def _robot(self, name: str, secret: str) -> Principal | None:
        principal = self._robots.by_secret(name, secret)
        ended = principal is None or principal.ended(self._ports.clock.now().timestamp())
        return None if ended else principal

    def _person(self, row: sa.Row[Any] | None, password: str, known: Callable[[], bool]) -> Principal | None:
        if not self._passwords.verify(password, row and row.password_hash, known) or row is None:
            return None
        if self._passwords.outdated(row.password_hash):
            self._hash_again(row.id, row.password_hash, password)
        return Principal(
            kind=PrincipalKind.USER, id=row.id, name=row.username, sysadmin=row.sysadmin, version=row.version
        )

    def _account(self, name: str) -> sa.Row[Any] | None:
        """The account of this name, else the one of this e-mail address, as in Harbor."""
        asked = [(_BY_NAME, name), (_BY_EMAIL, email_key(name))] if "@" in name else [(_BY_NAME, name)]
        return next((row for each, given in asked for row in self._ports.db.rows(each, {"given": given})), None)

    def _hash_again(self, user_id: int, stored: str, password: str) -> None:
        """Store the same password as new ones are stored; neither a full line nor a full disk keeps anybody out."""
        replaced = sa.update(User).where(User.id == user_id, User.password_hash == stored)
        with contextlib.suppress(UnavailableError):
            statement = replaced.values(password_hash=self._passwords.hash(password))
            with self._ports.db.write() as session:
                session.execute(statement.execution_options(synchronize_session=False))

    def _remember(self, key: str, principal: Principal) -> None:
        until = self._ports.clock.now().timestamp() + _CACHE_SECONDS
        with self._lock:
            self._verified.pop(key, None)
            if len(self._verified) >= _CACHED:
                del self._verified[next(iter(self._verified))]
            self._verified[key] = _Verified(principal.kind, principal.id, principal.version, until)


def _plausible(username: str, password: str) -> bool:
    return 0 < len(username) <= _NAME_LIMIT and "\0" not in username and 0 < len(password) <= _PASSWORD_LIMIT


_ACCOUNT = sa.select(User.id, User.username, User.password_hash, User.sysadmin, User.version).where(
    User.disabled.is_(sa.false()), User.deleted.is_(sa.false())
)
_BY_NAME = _ACCOUNT.where(User.username == sa.bindparam("given"))
_BY_EMAIL = _ACCOUNT.where(User.email_key == sa.bindparam("given"))
