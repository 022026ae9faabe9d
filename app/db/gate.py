"""The write gate: one row that decides whether content may change, with a fenced lease that closes it.

The registry is read-only while the administrator's switch is on or a lease has not expired. Content transactions
hold a shared lock; acquiring the lease takes it exclusively, so it waits for transactions in flight, and later ones
find the gate closed. Times are the database's, in milliseconds.
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
    """The gate's only row, inserted by the first migration."""

    __tablename__ = "write_gate"

    name: Mapped[str] = mapped_column(byte_text(32), primary_key=True)
    admin_read_only: Mapped[bool] = mapped_column(default=False)
    holder: Mapped[str | None] = mapped_column(byte_text(255))
    fence: Mapped[int] = mapped_column(BigId, default=0)
    acquired_at: Mapped[int | None] = mapped_column(BigId)
    expires_at: Mapped[int | None] = mapped_column(BigId)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """The gate's current state."""

    switched: bool
    """Whether the administrator's switch is on."""
    leased_ms: int
    """Milliseconds until the current lease expires; 0 without one."""
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
    """Read the gate without a transaction, to refuse a request early that ``pass_through`` would refuse later."""
    return _stated(database.prepared_rows(_STATE)[0])


def _stated(row: sa.Row[*tuple[Any, ...]]) -> GateState:
    return GateState(
        switched=row.admin_read_only,
        leased_ms=max(0, row.left or 0),
        holder=row.holder,
        fence=row.fence,
    )


def pass_through(session: Session) -> None:
    """Make this a content transaction, with the shared lock to its end; raises what ``require_open`` raises."""
    if session.get_bind().dialect.name == "postgresql":
        run(session, _LOCK_SHARED, {})
    require_open(state(session))


def hold_back(session: Session) -> None:
    """Wait for content transactions in flight, at most 60 s, and block new ones until this transaction ends."""
    if session.get_bind().dialect.name == "postgresql":
        session.connection().execute(sa.text(f"SET LOCAL lock_timeout = '{_WAIT}'"))
        session.connection().execute(_LOCK_EXCLUSIVE)


def require_open(now: GateState) -> None:
    """Raise ReadOnly while the switch is on, UnavailableError with ``retry_after`` while a lease lasts."""
    if now.switched:
        raise ReadOnly
    if now.leased_ms > 0:
        raise UnavailableError(
            "garbage collection is running, writes come back shortly",
            retry_after=min(10, 1 + now.leased_ms // 1000),
        )


def acquire(session: Session, holder: str, ttl_ms: int) -> int | None:
    """Take or extend the lease for ``holder`` and return its new fence; None while another holder has it.

    Waits as ``hold_back`` does.
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
    """Extend the lease for another ``ttl_ms``; False when it was lost."""
    return _change(session, _held(holder, fence), expires_at=clock_ms() + ttl_ms)


def release(session: Session, holder: str, fence: int | None = None) -> bool:
    """Give up the lease of ``holder``, of any fence when None; False when it was not held."""
    mine = (
        WriteGate.holder == holder if fence is None else sa.and_(WriteGate.holder == holder, WriteGate.fence == fence)
    )
    return _change(session, mine, holder=None, acquired_at=None, expires_at=None)


def holds(session: Session, holder: str, fence: int, margin_ms: int = 0) -> bool:
    """Tell whether the lease lasts ``margin_ms`` longer; locks the row, so the answer holds until commit."""
    held = sa.and_(_held(holder, fence), WriteGate.expires_at > clock_ms() + margin_ms)
    statement = sa.select(WriteGate.fence).where(WriteGate.name == _ROW, held).with_for_update(key_share=True)
    return session.connection().execute(statement).scalar_one_or_none() is not None


def clear_expired(session: Session) -> str | None:
    """Clear an expired lease and return its holder, None without one."""
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
    """Set the administrator's switch; the lease stays as it is."""
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
