"""Delays after failed logins, counted per account and address and per address alone; no account is locked."""

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.context import Context
from app.core.errors import TooManyRequests
from app.db.types import clock_ms
from app.identity.models import LoginFailure, User
from app.identity.rules import email_key

FREE_FAILURES: Final = 5
FREE_NAMES: Final = 30
"""Failures of one address in a minute, for all accounts together, before its logins are delayed."""
MOST_ROWS: Final = 50_000
ADDRESS_LIMIT: Final = 64
"""The characters of an address that count; the rest is cut off."""
_EVERY_ACCOUNT: Final = ""
"""The account in the row of an address that counts all accounts."""
_FORGIVEN_MS: Final = 2_000
"""The time after which an address's count decreases by one failure."""
_NETWORK_BITS: Final = 64
_LONGEST_MS: Final = 60_000
_FORGOTTEN_MS: Final = 15 * 60_000


def place_of(address: str) -> str:
    """Return the address that failures count for: the IPv4 address, or the 64-bit network of an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:ADDRESS_LIMIT]
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), _NETWORK_BITS), strict=False))


def require_no_delay(ctx: Context, account: str, place: str, is_known: Callable[[], bool]) -> None:
    """Raise TooManyRequests while a delay of the account or the address lasts.

    Known credentials pass: they were right before, so verifying them again does not help a guesser.
    """
    rows = ctx.rows(_ON_RECORD, {"account": account, "place": place})
    left = max((row.left for row in rows if row.left <= _LONGEST_MS), default=0)
    if left > 0 and not is_known():
        raise TooManyRequests("too many failed logins, try again later", retry_after=-(-left // 1000))


def record_failure(session: Session, account: str, place: str) -> None:
    """Count a failed login and set the delays.

    From the fifth failure on, the account is delayed at this address for 1, 2, 4 … at most 60 s; from the thirtieth in
    a minute on, all accounts are, for 2 s.
    """
    now = clock_ms()
    again = sa.case((LoginFailure.last_failure.between(now - _FORGOTTEN_MS, now), LoginFailure.count + 1), else_=1)
    failed = _counted(session, account, place, again)
    if failed >= FREE_FAILURES:
        _delay(session, account, place, min(_LONGEST_MS, 1000 << min(failed - FREE_FAILURES, 6)))
    forgiven = (now - LoginFailure.last_failure) // _FORGIVEN_MS
    left = sa.case(
        (sa.and_(LoginFailure.last_failure <= now, forgiven < LoginFailure.count), LoginFailure.count - forgiven + 1),
        else_=1,
    )
    if _counted(session, _EVERY_ACCOUNT, place, left) >= FREE_NAMES:
        _delay(session, _EVERY_ACCOUNT, place, _FORGIVEN_MS)
    if failed == 1:
        _forget_old(session)


def clear(session: Session, account: str, place: str) -> None:
    """Delete the failures of an account at an address, after its first successful login with new credentials."""
    session.execute(sa.delete(LoginFailure).where(_counter(account, place)))


def unblock(session: Session, name: str | None, address: str | None) -> int:
    """Delete the failures of an account (by name or e-mail), of an address, of both together, or all.

    Return how many counters were deleted.
    """
    folded = email_key(name or "")
    owners = sa.select(User.username).where(User.email_key == folded)
    chosen = [
        *([] if name is None else [sa.or_(LoginFailure.account.in_((name, folded)), LoginFailure.account.in_(owners))]),
        *([] if address is None else [LoginFailure.address == place_of(address)]),
    ]
    return len(session.execute(sa.delete(LoginFailure).where(*chosen).returning(LoginFailure.account)).all())


def _counted(session: Session, account: str, place: str, count: sa.ColumnElement[int]) -> int:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    return session.execute(
        insert(LoginFailure)
        .values(account=account, address=place, count=1, blocked_until=0, last_failure=clock_ms())
        .on_conflict_do_update(
            index_elements=[LoginFailure.account, LoginFailure.address],
            set_={"count": count, "last_failure": clock_ms()},
        )
        .returning(LoginFailure.count)
    ).scalar_one()


def _delay(session: Session, account: str, place: str, milliseconds: int) -> None:
    later = sa.update(LoginFailure).where(_counter(account, place)).values(blocked_until=clock_ms() + milliseconds)
    session.execute(later)


def _forget_old(session: Session) -> None:
    """Delete old rows, rows in the future after the clock was set back, and the oldest beyond ``MOST_ROWS``."""
    times = LoginFailure.last_failure
    session.execute(sa.delete(LoginFailure).where(~times.between(clock_ms() - _FORGOTTEN_MS, clock_ms())))
    newest = sa.select(times).order_by(times.desc()).offset(MOST_ROWS).limit(1).scalar_subquery()
    session.execute(sa.delete(LoginFailure).where(times <= newest))


def _counter(account: str, place: str) -> sa.ColumnElement[bool]:
    return sa.and_(LoginFailure.account == account, LoginFailure.address == place)


_ON_RECORD = sa.select((LoginFailure.blocked_until - clock_ms()).label("left")).where(
    sa.or_(LoginFailure.account == sa.bindparam("account"), LoginFailure.account == _EVERY_ACCOUNT),
    LoginFailure.address == sa.bindparam("place"),
)
"""The remaining delays; one longer than the longest possible comes from a clock set back since, and is ignored."""
