"""Refresh tokens of the OAuth2 endpoint, with which a client gets registry tokens without storing a password."""

import secrets
from datetime import timedelta

import sqlalchemy as sa

from app.access.principals import Principal, PrincipalKind
from app.context import Context
from app.core.errors import UnauthenticatedError
from app.identity.models import DATABASE_SOURCE, RefreshToken, User

_LIFETIME = timedelta(days=90)
KEPT = 50
"""The most refresh tokens per account; a further one ends the oldest."""
_BYTES = 32
_PURPOSE = "refresh-token"


class RefreshTokens:
    """Issues and redeems refresh tokens of users; they end with a new password, with disabling, or unused for 90 days.

    An account has at most 50: a further one ends the least recently used. They are stored as keyed hashes.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def issue(self, principal: Principal, service: str) -> str | None:
        """Return a new token of ``principal`` for ``service``, None for a person of an outside source.

        An outside source could disable the person without notice, and is not asked when the token is used.

        Raises:
            UnauthenticatedError: the account changed meanwhile.

        """
        token = secrets.token_urlsafe(_BYTES)
        now = self._ctx.ports.clock.now()
        with self._ctx.write() as session:
            account = sa.select(User.version, User.source).where(User.id == principal.id)
            row = session.execute(account.with_for_update(key_share=True)).one_or_none()
            if principal.kind is not PrincipalKind.USER or row is None or row.version != principal.version:
                raise UnauthenticatedError
            if row.source != DATABASE_SOURCE:
                return None
            own = sa.and_(RefreshToken.principal_kind == principal.kind, RefreshToken.principal_id == principal.id)
            kept = sa.select(RefreshToken.id).where(own, RefreshToken.expires_at >= now)
            newest = kept.order_by(RefreshToken.expires_at.desc(), RefreshToken.id.desc()).limit(KEPT - 1)
            session.execute(sa.delete(RefreshToken).where(own, RefreshToken.id.not_in(newest)))
            session.add(
                RefreshToken(
                    token_hash=self._hashes(token)[0],
                    principal_kind=principal.kind,
                    principal_id=principal.id,
                    service=service,
                    creation_time=now,
                    expires_at=now + _LIFETIME,
                )
            )
        return token

    def redeem(self, token: str, service: str) -> Principal:
        """Return the current principal of the token; raise UnauthenticatedError when the token has ended."""
        now = self._ctx.ports.clock.now()
        lookups = ({"token_hash": token_hash, "service": service} for token_hash in self._hashes(token))
        row = next((row for values in lookups for row in self._ctx.rows(_BY_HASH, values)), None)
        if row is None or row.expires_at <= now:
            raise UnauthenticatedError
        if row.expires_at - now < _LIFETIME / 2:
            with self._ctx.write() as session:
                prolong = sa.update(RefreshToken).where(RefreshToken.id == row.token_id)
                session.execute(prolong.values(expires_at=now + _LIFETIME))
        return Principal(
            kind=PrincipalKind.USER, id=row.id, name=row.username, sysadmin=row.sysadmin, version=row.version
        )

    def _hashes(self, token: str) -> tuple[str, ...]:
        return self._ctx.ports.keys.keyed_hashes(_PURPOSE, token)


_BY_HASH = (
    sa.select(
        RefreshToken.id.label("token_id"),
        RefreshToken.expires_at,
        User.id,
        User.username,
        User.sysadmin,
        User.version,
    )
    .join(User, User.id == RefreshToken.principal_id)
    .where(
        RefreshToken.token_hash == sa.bindparam("token_hash"),
        RefreshToken.service == sa.bindparam("service"),
        RefreshToken.principal_kind == PrincipalKind.USER,
        User.disabled.is_(sa.false()),
        User.deleted.is_(sa.false()),
    )
)
