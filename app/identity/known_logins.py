"""Credentials that were right before: their owner is not delayed by the failures of a guesser.

What is stored is a hash under a key that is only in the memory of the web processes and new with each start. It proves
nothing, it lets an attempt through to the password's own hash. The database and the folder of secrets together do not
make guessing cheaper.
"""

from collections.abc import Callable
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.context import Ports
from app.core.crypto import keyed_hash
from app.db.types import clock_ms
from app.identity.models import KnownLogin

KEPT: Final = 4
"""Of each account: one for each group of web processes, and those of the start before."""
_LONGEST_MS: Final = 90 * 24 * 3_600_000


def asking(ports: Ports, account: str, password: str) -> Callable[[], bool]:
    """Return what asks, by one query, whether this password of the account was right since the start."""
    return lambda: bool(ports.db.rows(_KNOWN, {"account": account, "proof": _proof(ports, account, password)}))


def remember(session: Session, ports: Ports, account: str, password: str) -> None:
    """Remember that this is the account's password."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    proof = _proof(ports, account, password)
    session.execute(
        insert(KnownLogin)
        .values(account=account, proof=proof, seen_at=clock_ms())
        .on_conflict_do_update(index_elements=[KnownLogin.account, KnownLogin.proof], set_={"seen_at": clock_ms()})
    )
    mine = KnownLogin.account == account
    newest = sa.select(KnownLogin.proof).where(mine).order_by(KnownLogin.seen_at.desc()).limit(KEPT)
    session.execute(sa.delete(KnownLogin).where(mine, KnownLogin.proof.not_in(newest)))
    session.execute(sa.delete(KnownLogin).where(KnownLogin.seen_at < clock_ms() - _LONGEST_MS))


def _proof(ports: Ports, account: str, password: str) -> str:
    return keyed_hash(ports.start_key, "known-login", account, password)


_KNOWN = sa.select(KnownLogin.seen_at).where(
    KnownLogin.account == sa.bindparam("account"), KnownLogin.proof == sa.bindparam("proof")
)
