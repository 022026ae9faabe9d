"""Slows down guessing: five failures per account and address, then a growing delay; no account is ever locked."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.core.errors import TooManyRequests
from app.db.database import Database
from app.db.types import clock_ms
from app.identity.models import LoginFailure

FREE_FAILURES = 5
ADDRESS_LIMIT = 64
"""Characters of an address that are looked at."""
_LONGEST_MS = 60_000
_FORGOTTEN_MS = 15 * 60_000


def refuse_while_delayed(db: Database, account: str, address: str) -> bool:
    """Raise TooManyRequests while the delay lasts; else tell whether failures are on record."""
    for row in db.rows(_ON_RECORD, {"account": account, "address": address}):
        if row.left > 0:
            raise TooManyRequests("too many failed logins, try again later", retry_after=-(-row.left // 1000))
        return True
    return False


def record_failure(session: Session, account: str, address: str) -> None:
    """Count a failure; from the fifth on the next try is refused for 1, 2, 4 … at most 60 s."""
    statement = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    count = sa.case((LoginFailure.last_failure < clock_ms() - _FORGOTTEN_MS, 1), else_=LoginFailure.count + 1)
    failed = session.execute(
        statement(LoginFailure)
        .values(account=account, address=address, count=1, blocked_until=0, last_failure=clock_ms())
        .on_conflict_do_update(
            index_elements=[LoginFailure.account, LoginFailure.address],
            set_={"count": count, "last_failure": clock_ms()},
        )
        .returning(LoginFailure.count)
    ).scalar_one()
    if failed >= FREE_FAILURES:
        delay = min(_LONGEST_MS, 1000 << min(failed - FREE_FAILURES, 6))
        session.execute(sa.update(LoginFailure).where(_mine(account, address)).values(blocked_until=clock_ms() + delay))
    elif failed == 1:
        session.execute(sa.delete(LoginFailure).where(LoginFailure.last_failure < clock_ms() - _FORGOTTEN_MS))


def clear(session: Session, account: str, address: str) -> None:
    """Forget the failures, after a success."""
    session.execute(sa.delete(LoginFailure).where(_mine(account, address)))


def _mine(account: str, address: str) -> sa.ColumnElement[bool]:
    return sa.and_(LoginFailure.account == account, LoginFailure.address == address)


_ON_RECORD = sa.select((LoginFailure.blocked_until - clock_ms()).label("left")).where(
    LoginFailure.account == sa.bindparam("account"), LoginFailure.address == sa.bindparam("address")
)
