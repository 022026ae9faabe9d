"""Names that one transaction at a time holds, for what is counted before a row is added."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db.plans import run

_LOCK = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("name"), 0)).label("held"))


def hold_names(session: Session, *names: str) -> None:
    """Hold the names until the transaction ends; another one that asks for one of them waits.

    On SQLite a writing transaction keeps all others out anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        for name in sorted(names):
            run(session, _LOCK, {"name": name})
