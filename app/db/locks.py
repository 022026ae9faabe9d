"""Named locks of transactions, for rows that are counted before another is added."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db.plans import run

_KEY = sa.func.hashtextextended(sa.bindparam("name"), 0)
_LOCK = sa.select(sa.func.pg_advisory_xact_lock(_KEY).label("held"))
_SHARED = sa.select(sa.func.pg_advisory_xact_lock_shared(_KEY).label("held"))


def hold_names(session: Session, *names: str) -> None:
    """Lock the names until the transaction ends; another transaction that locks one of them waits.

    On SQLite there is only one writing transaction at a time anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        for name in sorted(names):
            run(session, _LOCK, {"name": name})


def share_names(session: Session, *names: str) -> None:
    """Lock the names until the transaction ends, together with others that share them; who locks one alone waits.

    Whoever waits for a name alone comes before those who want to share it later.
    """
    if session.get_bind().dialect.name == "postgresql":
        for name in sorted(names):
            run(session, _SHARED, {"name": name})
