"""Authentication by name and password: asks the identity sources, delays guessing, caches verified credentials."""

import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import sqlalchemy as sa

from app.access.principals import Principal, PrincipalKind
from app.context import Context, Ports
from app.core.blocking import about_to_block
from app.core.cache import Cache
from app.core.errors import UnauthenticatedError, UnavailableError
from app.events.management import LoginFailed
from app.identity import known_logins, throttle
from app.identity.current_principals import CurrentPrincipals
from app.identity.models import User
from app.identity.onboarding import Onboarding
from app.identity.rules import email_key
from app.identity.sources.members import Sources
from app.identity.sources.outside import BoundedSource
from app.identity.sources.source import Attempt, StoredLogin

_CACHE_SECONDS: Final = 60.0
_CACHED_BYTES: Final = 1024 * 1024
_TURNS: Final = 256
_NAME_LIMIT: Final = 255
_PASSWORD_LIMIT: Final = 1024
_ADDRESS_LIMIT: Final = 64


@dataclass(frozen=True, slots=True)
class _Verified:
    kind: PrincipalKind
    id: int
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Login:
    """A login attempt with what the identity sources need."""

    attempt: Attempt
    key: str
    """The key of the cache of verified credentials."""
    account: str
    """The name that failures count against: the account's, else the given name in lower case."""
    address: str
    place: str
    outside: tuple[BoundedSource, ...]
    """The outside sources that may see the password."""


class Authenticator:
    """Verifies credentials and caches verified ones for 60 s under a keyed hash, bound to the account's version.

    A cached credential is checked against the version in the database, and a robot's secret is compared again, so
    that one that was ended in any process is refused at once. Credentials that are not cached are verified one after
    another per name and address, so that simultaneous guesses are delayed too.

    Keepers are asked first, outside sources only for what keepers do not accept. At most half of the process's threads
    wait for outside sources: a slow one delays only its own people and names without an account.
    """

    def __init__(self, ports: Ports) -> None:
        """Build the members of ``ports.sources``; raise InternalError when the list is incomplete."""
        places = max(1, ports.settings.web.threads // 2)
        self._ports = ports
        self._sources = Sources(ports, places)
        self._outside_places = threading.BoundedSemaphore(places)
        self._verified: Cache[str, _Verified] = Cache(
            _CACHED_BYTES, lambda _: 0, seconds=_CACHE_SECONDS, timer=lambda: ports.clock.now().timestamp()
        )
        self._turns = tuple(threading.Lock() for _ in range(_TURNS))
        self._outside_turns = tuple(threading.Lock() for _ in range(_TURNS))
        self.current = CurrentPrincipals(ports.clock, self._sources.accounts)

    def basic(self, username: str, password: str, address: str) -> Principal:
        """Return the current principal of a name, or of a person's e-mail address, and its password.

        Raises:
            UnauthenticatedError: they are wrong, or the account is disabled or expired.
            TooManyRequests: a delay after failures from this ``address`` lasts; known credentials pass.
            UnavailableError: a source that knows or may know the name does not answer.
            NotOnboarded: a source accepts a person who cannot have an account here.

        """
        if not _plausible(username, password):
            raise UnauthenticatedError
        attempt = Attempt(name=username, password=password)
        key = self._ports.keys.keyed_hash("credential", username, password)
        cached = self._cached_or_none(key, attempt)
        if cached is not None:
            return cached
        about_to_block()
        turn = hash((username, throttle.place_of(address))) % _TURNS
        with self._turns[turn]:
            principal = self._cached_or_none(key, attempt)
            if principal is not None:
                return principal
            login = self._login(key, attempt, address)
            principal = self._ask_keepers(login)
            if principal is not None:
                return principal
            if not login.outside:
                raise self._record_failure(login)
        with self._outside_place(login.outside[0]), self._outside_turns[turn]:
            return self._cached_or_none(key, attempt) or self._ask_outside(login)

    def _login(self, key: str, attempt: Attempt, address: str) -> _Login:
        stored = self._stored_or_none(attempt.name)
        account = email_key(attempt.name) if stored is None else stored.username
        is_known = known_logins.lookup(Context(self._ports), account, attempt.password)
        return _Login(
            attempt=replace(attempt, stored=stored, is_known=is_known),
            key=key,
            account=account,
            address=address[:_ADDRESS_LIMIT],
            place=throttle.place_of(address[:_ADDRESS_LIMIT]),
            outside=self._sources.outside_for(attempt.name, stored),
        )

    def _ask_keepers(self, login: _Login) -> Principal | None:
        throttle.require_no_delay(Context(self._ports), login.account, login.place, login.attempt.is_known)
        for keeper in self._sources.keepers:
            try:
                principal = keeper.verify(login.attempt)
            except UnavailableError:
                if not login.outside:
                    raise
                continue
            if principal is not None:
                return self._accept(login, principal)
        return None

    def _ask_outside(self, login: _Login) -> Principal:
        throttle.require_no_delay(Context(self._ports), login.account, login.place, login.attempt.is_known)
        unavailable = None
        for source in login.outside:
            try:
                person = source.verify(login.attempt.name, login.attempt.password)
            except UnavailableError as error:
                unavailable = error
                continue
            if person is not None:
                ctx = Context(self._ports, address=login.address)
                principal = Onboarding(ctx).principal(source.name, person)
                if principal is None:
                    raise self._record_failure(login)
                return self._accept(login, principal)
        raise unavailable or self._record_failure(login)

    def _accept(self, login: _Login, principal: Principal) -> Principal:
        self._verified.put(login.key, _Verified(principal.kind, principal.id, principal.version))
        if not login.attempt.is_known():
            with contextlib.suppress(UnavailableError), Context(self._ports).write(durable=False) as session:
                throttle.clear(session, login.account, login.place)
                known_logins.remember(session, self._ports.start_key, login.account, login.attempt.password)
        return principal

    def _record_failure(self, login: _Login) -> UnauthenticatedError:
        """Count and audit the failed login, and return the error to raise."""
        ctx = Context(self._ports, address=login.address)
        with ctx.write() as session:
            throttle.record_failure(session, login.account, login.place)
            ctx.emit(LoginFailed(username=login.attempt.name, address=login.address))
        return UnauthenticatedError()

    @contextmanager
    def _outside_place(self, source: BoundedSource) -> Iterator[None]:
        if not self._outside_places.acquire(blocking=False):
            raise UnavailableError(f"too many logins wait for identity source {source.name}, try again", retry_after=1)
        try:
            yield
        finally:
            self._outside_places.release()

    def _stored_or_none(self, name: str) -> StoredLogin | None:
        """Return the account of this name, else of this e-mail address, as Harbor does; None without one."""
        lookups = [(_BY_NAME, name), (_BY_EMAIL, email_key(name))] if "@" in name else [(_BY_NAME, name)]
        ctx = Context(self._ports)
        rows = (row for statement, given in lookups for row in ctx.rows(statement, {"given": given}))
        return next((StoredLogin(**row._asdict()) for row in rows), None)

    def _cached_or_none(self, key: str, attempt: Attempt) -> Principal | None:
        verified = self._verified.get(key)
        if verified is None:
            return None
        keeper = self._sources.keeper(verified.kind)
        if keeper.compares_anew:
            return keeper.verify(attempt)
        principal = self.current.at_once(verified.kind, verified.id)
        return principal if principal is not None and principal.version == verified.version else None


def _plausible(username: str, password: str) -> bool:
    return 0 < len(username) <= _NAME_LIMIT and "\0" not in username and 0 < len(password) <= _PASSWORD_LIMIT


_ACCOUNT = sa.select(
    User.id, User.username, User.password_hash, User.sysadmin, User.version, User.source, User.disabled
).where(User.deleted.is_(sa.false()))
_BY_NAME = _ACCOUNT.where(User.username == sa.bindparam("given"))
_BY_EMAIL = _ACCOUNT.where(User.email_key == sa.bindparam("given"))
