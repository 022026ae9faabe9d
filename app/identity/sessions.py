"""Browser sessions: opening, renewing and ending them, and the principal of a session id."""

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
"""A session is renewed once a tenth of its timeout has passed."""
MOST_SESSIONS: Final = 200
"""The most sessions per account; a further login ends the oldest."""


class SessionStore:
    """Stores the sessions of an installation, with their ids as keyed hashes; the ids are only in the cookies."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def principal(self, sid: str, *, renew: bool) -> Principal | None:
        """Return the session's current user, None when it has ended or the user is disabled or deleted.

        ``renew`` extends the session by its whole timeout once a tenth of it has passed, never beyond its lifetime.
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
        """Open a session and return its id, for the cookie; delete expired sessions.

        The account's newest ``MOST_SESSIONS`` sessions are kept.

        Raises UnauthenticatedError when the account has changed since ``principal`` was verified, so that no session
        outlives the password that it was opened with.
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
        """End a session; do nothing when there is none."""
        with ctx.write() as session:
            session.execute(sa.delete(UserSession).where(UserSession.id_hash.in_(self._hashes(sid))))

    @staticmethod
    def end_all(session: Session, user_id: int) -> None:
        """End every session of the user in the open transaction."""
        session.execute(sa.delete(UserSession).where(UserSession.user_id == user_id))

    def _renew(self, row: sa.Row[Any], now: datetime) -> None:
        """Extend a session unless another request just did; do nothing when the database cannot be written."""
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
        """Return the session's row, also when its id was hashed before a rotation of the key."""
        ctx, hashes = Context(self._ports), self._hashes(sid)
        results = (ctx.prepared_rows(_BY_ID, {"id_hash": id_hash, "now": now}) for id_hash in hashes)
        return next((rows for rows in results if rows), ())

    def _hashes(self, sid: str) -> tuple[str, ...]:
        return self._ports.keys.keyed_hashes("session", sid)


def _end(ctx: Context, *, began: datetime, now: datetime) -> datetime:
    """Return when a session used now ends: after its timeout, at the latest at the end of its lifetime."""
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
"""Lock the account if it is unchanged since the login was verified.

A change of the account waits and then ends the new session; logins of one account run one after another.
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
"""Deletes nothing while there are fewer sessions, since no id is less than null."""
