"""Logins by browsers: who may come back with which session id, and until when."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.principals import Principal, PrincipalKind
from app.configuration.keys import SESSION_LIFETIME, SESSION_TIMEOUT
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.core.errors import UnauthenticatedError, UnavailableError
from app.identity.models import User, UserSession

_ID_BYTES: Final = 32
_RENEWED_EVERY: Final = 10
"""A session is renewed when this part of its time has passed."""
MOST_SESSIONS: Final = 200
"""Of one account; the login of one more ends the oldest."""


class SessionStore:
    """The sessions of one installation; their ids are known to the cookies only and kept as keyed hashes."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def principal(self, sid: str, *, renew: bool) -> Principal | None:
        """The session's user as of now; None when it has ended or the user is disabled or gone.

        ``renew`` prolongs the session by its whole timeout once a tenth of it has passed, never beyond its lifetime.
        """
        now = self._ports.clock.now()
        for row in self._rows(sid, now):
            if renew and (now - row.renewed_at) * _RENEWED_EVERY >= row.expires_at - row.renewed_at:
                self._renew(row, now)
            return Principal(
                kind=PrincipalKind.USER,
                id=row.user_id,
                name=row.username,
                sysadmin=row.sysadmin,
                version=row.version,
            )
        return None

    def open(self, ctx: Context, principal: Principal) -> str:
        """Begin a session and return its id, for the cookie; sessions that have run out are forgotten.

        Of the account's sessions the newest ``MOST_SESSIONS`` stay.

        UnauthenticatedError when the account has changed since ``principal`` proved to be its own, so that no session
        outlives the password it was opened with.
        """
        sid = secrets.token_urlsafe(_ID_BYTES)
        now = ctx.ports.clock.now()
        expires_at = _end(ctx, began=now, now=now)
        with ctx.write() as session:
            if session.scalar(_LOCKED, {"user_id": principal.id, "version": principal.version}) is None:
                raise UnauthenticatedError
            session.execute(sa.delete(UserSession).where(UserSession.expires_at <= now))
            session.execute(
                sa.insert(UserSession).values(
                    id_hash=self._hashes(sid)[0],
                    user_id=principal.id,
                    creation_time=now,
                    renewed_at=now,
                    expires_at=expires_at,
                )
            )
            session.execute(_END_OLDEST, {"account": principal.id}, execution_options={"synchronize_session": False})
        return sid

    def close(self, ctx: Context, sid: str) -> None:
        """End a session; nothing happens when there is none."""
        with ctx.write() as session:
            session.execute(sa.delete(UserSession).where(UserSession.id_hash.in_(self._hashes(sid))))

    @staticmethod
    def end_all(session: Session, user_id: int) -> None:
        """End every session of the user with the open transaction."""
        session.execute(sa.delete(UserSession).where(UserSession.user_id == user_id))

    def _renew(self, row: sa.Row[Any], now: datetime) -> None:
        """Prolong a session unless another request just did. A database that cannot be written ends no session."""
        ctx = Context(self._ports)
        try:
            expires_at = _end(ctx, began=row.creation_time, now=now)
            if expires_at == row.expires_at:
                return
            with ctx.write(durable=False) as session:
                session.execute(
                    sa.update(UserSession)
                    .where(UserSession.id == row.session_id, UserSession.renewed_at == row.renewed_at)
                    .values(renewed_at=now, expires_at=expires_at)
                )
        except UnavailableError:
            return

    def _rows(self, sid: str, now: datetime) -> Sequence[sa.Row[Any]]:
        """The session's row, also when its id was hashed before a rotation of the key."""
        asked = (self._ports.db.rows(_BY_ID, {"id_hash": each, "now": now}) for each in self._hashes(sid))
        return next((rows for rows in asked if rows), ())

    def _hashes(self, sid: str) -> tuple[str, ...]:
        return self._ports.keys.keyed_hashes("session", sid)


def _end(ctx: Context, *, began: datetime, now: datetime) -> datetime:
    """When a session ends that is used now: after its timeout, at the latest when its lifetime is over."""
    values = ConfigurationService(ctx).values()
    timeout, lifetime = (timedelta(minutes=values[key]) for key in (SESSION_TIMEOUT, SESSION_LIFETIME))
    return min(now + timeout, began + lifetime)


_BY_ID = (
    sa.select(
        UserSession.id.label("session_id"),
        UserSession.renewed_at,
        UserSession.expires_at,
        UserSession.creation_time,
        User.id.label("user_id"),
        User.username,
        User.sysadmin,
        User.version,
    )
    .join(User, User.id == UserSession.user_id)
    .where(
        UserSession.id_hash == sa.bindparam("id_hash"),
        UserSession.expires_at > sa.bindparam("now"),
        User.disabled.is_(sa.false()),
        User.deleted.is_(sa.false()),
    )
)
_LOCKED = (
    sa.select(User.id)
    .where(
        User.id == sa.bindparam("user_id"),
        User.version == sa.bindparam("version"),
        User.disabled.is_(sa.false()),
        User.deleted.is_(sa.false()),
    )
    .with_for_update(key_share=True)
)
"""The account as it was when it logged in.

Whoever changes it waits, and then finds the session to end; logins of one account come one after another.
"""
_OLDEST_KEPT = (
    sa.select(UserSession.id)
    .where(UserSession.user_id == sa.bindparam("account"))
    .order_by(UserSession.id.desc())
    .limit(1)
    .offset(MOST_SESSIONS - 1)
    .scalar_subquery()
)
_END_OLDEST = sa.delete(UserSession).where(
    UserSession.user_id == sa.bindparam("account"), UserSession.id < _OLDEST_KEPT
)
"""Ends none while there are fewer: nothing is less than null."""
