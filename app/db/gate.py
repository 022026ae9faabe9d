"""The write gate: one row that says whether content may change, and the fenced lease that closes it.

Effective read-only is the administrator's switch OR an unexpired lease. Content transactions pass the gate under a
shared lock; whoever acquires the lease takes the lock exclusively, so it waits for commits in flight and none passes
after. Times are the database's, in milliseconds.
"""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, mapped_column

from app.core.errors import ReadOnly, UnavailableError
from app.db.base import Base
from app.db.database import Database
from app.db.plans import run
from app.db.types import BigId, byte_text, clock_ms

_LOCK = 727001
_WAIT = "60s"
_ROW = "registry"


class WriteGate(Base):
    """The one row, made by the first migration."""

    __tablename__ = "write_gate"

    name: Mapped[str] = mapped_column(byte_text(32), primary_key=True)
    admin_read_only: Mapped[bool] = mapped_column(default=False)
    holder: Mapped[str | None] = mapped_column(byte_text(255))
    fence: Mapped[int] = mapped_column(BigId, default=0)
    acquired_at: Mapped[int | None] = mapped_column(BigId)
    expires_at: Mapped[int | None] = mapped_column(BigId)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """What the gate says now."""

    switched: bool
    """The administrator's own switch."""
    leased_ms: int
    """How long the current lease still lasts; 0 without one."""
    holder: str | None
    fence: int

    @property
    def read_only(self) -> bool:
        """Whether content may not change."""
        return self.switched or self.leased_ms > 0


def state(session: Session) -> GateState:
    """Read the gate without taking a lock."""
    return _stated(run(session, _STATE, {})[0])


def glance(database: Database) -> GateState:
    """Read the gate outside any transaction, to refuse early what a content transaction would refuse later."""
    return _stated(database.rows(_STATE)[0])


def _stated(row: sa.Row[*tuple[Any, ...]]) -> GateState:
    return GateState(
        switched=row.admin_read_only,
        leased_ms=max(0, row.left or 0),
        holder=row.holder,
        fence=row.fence,
    )


def pass_through(session: Session) -> None:
    """Enter a content transaction and hold the shared lock to its end; ReadOnly or UnavailableError when closed."""
    if session.get_bind().dialect.name == "postgresql":
        run(session, _LOCK_SHARED, {})
    refuse_when_closed(state(session))


def hold_back(session: Session) -> None:
    """Wait for the content transactions in flight, at most 60 s, and let none begin before this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(sa.text(f"SET LOCAL lock_timeout = '{_WAIT}'"))
        session.connection().execute(_LOCK_EXCLUSIVE)


def refuse_when_closed(now: GateState) -> None:
    """Raise ReadOnly by the switch, UnavailableError with the seconds to wait by a lease."""
    if now.switched:
        raise ReadOnly
    if now.leased_ms > 0:
        raise UnavailableError(
            "garbage collection is running, writes come back shortly",
            retry_after=min(10, 1 + now.leased_ms // 1000),
        )


def acquire(session: Session, holder: str, ttl_ms: int) -> int | None:
    """Take or keep the lease for ``holder`` and return its fence; None while another holder's lease lasts.

    Waits as ``hold_back``.
    """
    hold_back(session)
    free = sa.or_(
        WriteGate.holder.is_(None),
        WriteGate.expires_at <= clock_ms(),
        WriteGate.holder == holder,
    )
    statement = (
        sa.update(WriteGate)
        .where(WriteGate.name == _ROW, free)
        .values(
            holder=holder,
            fence=WriteGate.fence + 1,
            acquired_at=clock_ms(),
            expires_at=clock_ms() + ttl_ms,
        )
        .returning(WriteGate.fence)
    )
    return session.connection().execute(statement).scalar_one_or_none()


def renew(session: Session, holder: str, fence: int, ttl_ms: int) -> bool:
    """Prolong a lease that is still held; False when it was lost."""
    return _change(session, _held(holder, fence), expires_at=clock_ms() + ttl_ms)


def release(session: Session, holder: str, fence: int | None = None) -> bool:
    """Give the lease back (any fence when None); False when it was not held any more, which changes nothing."""
    mine = (
        WriteGate.holder == holder if fence is None else sa.and_(WriteGate.holder == holder, WriteGate.fence == fence)
    )
    return _change(session, mine, holder=None, acquired_at=None, expires_at=None)


def holds(session: Session, holder: str, fence: int, margin_ms: int = 0) -> bool:
    """Tell whether the lease is held for ``margin_ms`` more; locks the row, so the answer lasts until commit."""
    held = sa.and_(_held(holder, fence), WriteGate.expires_at > clock_ms() + margin_ms)
    statement = sa.select(WriteGate.fence).where(WriteGate.name == _ROW, held).with_for_update(key_share=True)
    return session.connection().execute(statement).scalar_one_or_none() is not None


def clear_expired(session: Session) -> str | None:
    """Forget a holder whose lease has run out; returns who it was."""
    holder = (
        session.connection()
        .execute(sa.select(WriteGate.holder).where(WriteGate.holder.is_not(None), WriteGate.expires_at <= clock_ms()))
        .scalar_one_or_none()
    )
    if holder is not None:
        expired = sa.and_(WriteGate.holder == holder, WriteGate.expires_at <= clock_ms())
        _change(session, expired, holder=None, acquired_at=None, expires_at=None)
    return holder


def switch(session: Session, *, on: bool) -> None:
    """Set the administrator's switch; a lease is another matter and stays as it is."""
    _change(session, sa.true(), admin_read_only=on)


def _held(holder: str, fence: int) -> sa.ColumnElement[bool]:
    return sa.and_(
        WriteGate.holder == holder,
        WriteGate.fence == fence,
        WriteGate.expires_at > clock_ms(),
    )


def _change(session: Session, condition: sa.ColumnElement[bool], **values: object) -> bool:
    statement = sa.update(WriteGate).where(WriteGate.name == _ROW, condition).values(**values)
    result = session.connection().execute(statement.returning(WriteGate.name))
    return result.scalar_one_or_none() is not None


_STATE = sa.select(
    WriteGate.admin_read_only,
    WriteGate.holder,
    WriteGate.fence,
    (WriteGate.expires_at - clock_ms()).label("left"),
).where(WriteGate.name == _ROW)
_LOCK_SHARED = sa.select(sa.cast(sa.func.pg_advisory_xact_lock_shared(_LOCK), sa.Text).label("locked"))
_LOCK_EXCLUSIVE = sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})")
