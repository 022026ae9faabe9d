"""Credentials that were right before, so that the failures of a guesser do not delay their owner.

The database stores a hash under a key that exists only in the memory of the web processes and is new with each start.
The hash is no proof: it lets an attempt through to the verification of the password. The database and the secrets
folder together do not make guessing cheaper.
"""

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.context import Context
from app.core.crypto import keyed_hash
from app.db.types import clock_ms
from app.identity.models import KnownLogin

KEPT: Final = 4
"""Hashes per account: one for each group of web processes, and those of the previous start."""
_LONGEST_MS: Final = 90 * 24 * 3_600_000


def lookup(ctx: Context, account: str, password: str) -> Callable[[], bool]:
    """Return a function that tells, by one query, whether this password of the account was right since the start."""
    start_key = ctx.ports.start_key
    return lambda: bool(ctx.rows(_KNOWN, {"account": account, "proof": _proof(start_key, account, password)}))


def remember(session: Session, start_key: bytes, account: str, password: str) -> None:
    """Store that this is the account's password, under the key of this start (``Ports.start_key``)."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    proof = _proof(start_key, account, password)
    session.execute(
        insert(KnownLogin)
        .values(account=account, proof=proof, seen_at=clock_ms())
        .on_conflict_do_update(index_elements=[KnownLogin.account, KnownLogin.proof], set_={"seen_at": clock_ms()})
    )
    of_account = KnownLogin.account == account
    newest = sa.select(KnownLogin.proof).where(of_account).order_by(KnownLogin.seen_at.desc()).limit(KEPT)
    session.execute(sa.delete(KnownLogin).where(of_account, KnownLogin.proof.not_in(newest)))
    session.execute(sa.delete(KnownLogin).where(KnownLogin.seen_at < clock_ms() - _LONGEST_MS))


def _proof(start_key: bytes, account: str, password: str) -> str:
    return keyed_hash(start_key, "known-login", account, password)


_KNOWN = sa.select(KnownLogin.seen_at).where(
    KnownLogin.account == sa.bindparam("account"), KnownLogin.proof == sa.bindparam("proof")
)
