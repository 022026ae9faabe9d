"""Rows as the purge takes them: upload sessions to end, and batches of keys to look through for lost objects."""

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
    """Which sessions a purge takes: open ones untouched since ``expired``, and answerable ones long enough."""

    expired: datetime
    finished: datetime
    sealed: datetime
    """A session that began before, nobody can come back to with its sealed id."""
    holder: str
    """Who takes them; no other purge does for ten minutes."""
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedSession:
    """A session that nobody can go on with; ``used`` when its object is a blob's."""

    id: str
    key: str
    used: bool


def end_sessions(session: Session, due: DueSessions) -> list[EndedSession]:
    """End a batch of the sessions that are due, the oldest first."""
    bounds = {"expired": due.expired, "finished": due.finished, "sealed": due.sealed}
    taken = session.execute(_DUE, {**bounds, "holder": due.holder, "limit": due.limit}).scalars().all()
    mine = {
        "digest": sa.func.coalesce(Upload.digest, CANCELLED),
        "lease_holder": due.holder,
        "lease_until": clock_ms() + _LEASE_MS,
    }
    session.execute(sa.update(Upload).where(Upload.id.in_(taken)).values(mine), execution_options=_NOT_SYNCHRONISED)
    used = sa.exists().where(Blob.key == Upload.key).label("used")
    rows = session.execute(sa.select(Upload.id, Upload.key, used).where(Upload.id.in_(taken)))
    return [EndedSession(id=row.id, key=row.key, used=row.used) for row in rows]


def forget_sessions(session: Session, upload_ids: Sequence[str], *, holder: str, sealed: datetime) -> None:
    """Delete the rows of sessions that ``holder`` has ended and nobody can come back to."""
    own = (Upload.id.in_(upload_ids), Upload.lease_holder == holder, Upload.creation_time < sealed)
    session.execute(sa.delete(Upload).where(*own), execution_options=_NOT_SYNCHRONISED)


def old_batches(session: Session, before: datetime, limit: int) -> Mapping[int, str]:
    """Return the prefixes of some batches that began before, by id, the oldest first."""
    old = sa.select(KeyBatch.id, KeyBatch.prefix).where(KeyBatch.creation_time < before)
    return {row.id: row.prefix for row in session.execute(old.order_by(KeyBatch.creation_time).limit(limit))}


def close_batches(session: Session, batch_ids: Sequence[int]) -> None:
    """Let nothing enter under the keys of the batches any more."""
    closing = sa.update(KeyBatch).where(KeyBatch.id.in_(batch_ids)).values(closed=True)
    session.execute(closing, execution_options=_NOT_SYNCHRONISED)


def forget_batches(session: Session, batch_ids: Sequence[int]) -> None:
    """Delete the rows of batches that were looked through."""
    session.execute(sa.delete(KeyBatch).where(KeyBatch.id.in_(batch_ids)), execution_options=_NOT_SYNCHRONISED)


def known_keys(session: Session, keys: Sequence[str]) -> set[str]:
    """Return those of the keys that a blob or an upload session has: what a row leads to is that row's business."""
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
