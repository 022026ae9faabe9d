"""The statements of the purge: ending upload sessions, and looking through key batches for lost objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db.types import clock_ms
from app.storage.models import CANCELLED, Blob, KeyBatch, Upload

_LEASE_MS: Final = 600_000
_NOT_SYNCHRONISED: Final = {"synchronize_session": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSessions:
    """Which sessions a purge takes, and how many at most."""

    expired: datetime
    """An open session last changed before this time is due."""
    finished: datetime
    """A session that ended before this time is due, when it also began before ``sealed``."""
    sealed: datetime
    """The sealed id of a session that began before this time is no longer accepted."""
    holder: str
    """The purge that takes them; no other purge takes them for ten minutes."""
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSession:
    """A session that has ended; ``used`` tells whether its object belongs to a blob."""

    id: str
    key: str
    used: bool


def end_sessions(session: Session, due: DueSessions) -> list[EndedSession]:
    """End at most ``due.limit`` sessions that are due, the oldest first, and return them."""
    bounds = {"expired": due.expired, "finished": due.finished, "sealed": due.sealed}
    due_ids = session.execute(_DUE, {**bounds, "holder": due.holder, "limit": due.limit}).scalars().all()
    values = {
        "digest": sa.func.coalesce(Upload.digest, CANCELLED),
        "lease_holder": due.holder,
        "lease_until": clock_ms() + _LEASE_MS,
    }
    ending = sa.update(Upload).where(Upload.id.in_(due_ids)).values(values)
    session.execute(ending, execution_options=_NOT_SYNCHRONISED)
    used = sa.exists().where(Blob.key == Upload.key).label("used")
    rows = session.execute(sa.select(Upload.id, Upload.key, used).where(Upload.id.in_(due_ids)))
    return [EndedSession(id=row.id, key=row.key, used=row.used) for row in rows]


def forget_sessions(session: Session, upload_ids: Sequence[str], *, holder: str, sealed: datetime) -> None:
    """Delete the rows of sessions that ``holder`` has ended and whose sealed ids are no longer accepted."""
    own = (Upload.id.in_(upload_ids), Upload.lease_holder == holder, Upload.creation_time < sealed)
    session.execute(sa.delete(Upload).where(*own), execution_options=_NOT_SYNCHRONISED)


def old_batches(session: Session, before: datetime, limit: int) -> Mapping[int, str]:
    """Return batch ids with their prefixes, of at most ``limit`` batches created before the time, oldest first."""
    old = sa.select(KeyBatch.id, KeyBatch.prefix).where(KeyBatch.creation_time < before)
    return {row.id: row.prefix for row in session.execute(old.order_by(KeyBatch.creation_time).limit(limit))}


def close_batches(session: Session, batch_ids: Sequence[int]) -> None:
    """Close the batches: from then on no object under their keys becomes a blob."""
    closing = sa.update(KeyBatch).where(KeyBatch.id.in_(batch_ids)).values(closed=True)
    session.execute(closing, execution_options=_NOT_SYNCHRONISED)


def forget_batches(session: Session, batch_ids: Sequence[int]) -> None:
    """Delete the rows of the batches."""
    session.execute(sa.delete(KeyBatch).where(KeyBatch.id.in_(batch_ids)), execution_options=_NOT_SYNCHRONISED)


def known_keys(session: Session, keys: Sequence[str]) -> set[str]:
    """Return those of the keys that belong to a blob or an upload session, and are therefore not lost."""
    return set(session.execute(_KNOWN, {"keys": keys}).scalars())


_FREE = sa.or_(
    Upload.lease_holder.is_(None), Upload.lease_until <= clock_ms(), Upload.lease_holder == sa.bindparam("holder")
)
_DUE = (
    sa.select(Upload.id)
    .where(
        sa.or_(
            sa.and_(
                Upload.digest.is_(None), Upload.update_time < sa.bindparam("expired", type_=Upload.update_time.type)
            ),
            sa.and_(
                Upload.digest.is_not(None),
                Upload.update_time < sa.bindparam("finished", type_=Upload.update_time.type),
                Upload.creation_time < sa.bindparam("sealed", type_=Upload.creation_time.type),
            ),
        ),
        _FREE,
    )
    .order_by(Upload.update_time)
    .limit(sa.bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_KEYS: sa.BindParameter[list[str]] = sa.bindparam("keys", expanding=True)
_KNOWN = sa.union_all(
    sa.select(Blob.key).where(Blob.key.in_(_KEYS)), sa.select(Upload.key).where(Upload.key.in_(_KEYS))
)
