"""Upload sessions as rows: who owns one for how long, and how far it is. Each change is one statement."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.errors import RangeInvalid, UploadUnknown
from app.db.database import Database
from app.db.types import clock_ms
from app.storage.models import Upload

LEASE_MS = 20_000
REMEMBERED = timedelta(minutes=10)
"""How long a finished session is still answered for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSession:
    """A session as it stands in the database."""

    id: str
    repository: str
    project_id: int
    key: str
    offset: int
    algorithm: str
    hash_state: bytes | None
    digest: str | None
    """The blob it became, when it is finished."""


def insert(session: Session, upload: UploadSession, now: datetime) -> None:
    """Add a new session."""
    session.execute(
        sa.insert(Upload).values(
            id=upload.id,
            repository=upload.repository,
            project_id=upload.project_id,
            key=upload.key,
            offset=0,
            algorithm=upload.algorithm,
            lease_until=0,
            creation_time=now,
            update_time=now,
        )
    )


def find(db: Database, upload_id: str, repository: str, now: datetime) -> UploadSession:
    """The session under this repository's name; UploadUnknown when there is none or it was finished too long ago."""
    parameters = {"id": upload_id, "repository": repository, "oldest": now - REMEMBERED}
    for row in db.rows(_FIND, parameters):
        return UploadSession(**row._asdict())
    raise UploadUnknown


def lease(session: Session, upload: UploadSession, holder: str) -> None:
    """Take the session where it stands; RangeInvalid when it moved or another request owns it."""
    free = sa.or_(Upload.lease_holder.is_(None), Upload.lease_until <= clock_ms())
    if not _change(session, _at(upload), free, lease_holder=holder, lease_until=clock_ms() + LEASE_MS):
        raise _explained(session, upload)


def renew(session: Session, upload: UploadSession, holder: str, **reached: object) -> None:
    """Prolong the lease and store what was reached (``offset``, ``hash_state``); RangeInvalid when it was lost."""
    if not _change(session, _at(upload), Upload.lease_holder == holder, lease_until=clock_ms() + LEASE_MS, **reached):
        raise _explained(session, upload)


def release(session: Session, upload: UploadSession, holder: str, **reached: object) -> None:
    """End the lease and store what was reached (``offset``, ``hash_state``); RangeInvalid when it was lost."""
    if not _change(session, _at(upload), Upload.lease_holder == holder, lease_holder=None, lease_until=0, **reached):
        raise _explained(session, upload)


def finish(session: Session, upload: UploadSession, holder: str | None, *, now: datetime, **outcome: object) -> None:
    """Turn the session into a finished one (``digest``, ``offset``), in the transaction that commits its blob.

    RangeInvalid when the session moved, or is owned by another than ``holder``.
    """
    free = sa.or_(Upload.lease_holder.is_(None), Upload.lease_until <= clock_ms())
    mine = Upload.lease_holder == holder if holder else free
    values = {"lease_holder": None, "lease_until": 0, "hash_state": None, "update_time": now}
    if not _change(session, _at(upload), mine, **values, **outcome):
        raise _explained(session, upload)


def remove(session: Session, upload: UploadSession) -> bool:
    """Forget an unfinished session, whoever owns it; False when it is gone or finished."""
    statement = sa.delete(Upload).where(Upload.id == upload.id, Upload.digest.is_(None)).returning(Upload.id)
    return session.execute(statement.execution_options(synchronize_session=False)).scalar_one_or_none() is not None


def _at(upload: UploadSession) -> sa.ColumnElement[bool]:
    return sa.and_(Upload.id == upload.id, Upload.offset == upload.offset, Upload.digest.is_(None))


def _change(session: Session, *conditions: sa.ColumnElement[bool], **values: object) -> bool:
    statement = sa.update(Upload).where(*conditions).values(**values).returning(Upload.id)
    return session.execute(statement.execution_options(synchronize_session=False)).scalar_one_or_none() is not None


def _explained(session: Session, upload: UploadSession) -> UploadUnknown | RangeInvalid:
    """Why a change found nothing to change."""
    row = session.execute(_EXPLAIN, {"id": upload.id}).one_or_none()
    if row is None or row.digest is not None:
        return UploadUnknown()
    if row.offset != upload.offset:
        return RangeInvalid(
            f"the upload stands at offset {row.offset}, not {upload.offset}", detail={"offset": row.offset}
        )
    return RangeInvalid("another request is writing to this upload", detail={"offset": row.offset})


_FIND = sa.select(
    Upload.id,
    Upload.repository,
    Upload.project_id,
    Upload.key,
    Upload.offset,
    Upload.algorithm,
    Upload.hash_state,
    Upload.digest,
).where(
    Upload.id == sa.bindparam("id"),
    Upload.repository == sa.bindparam("repository"),
    sa.or_(Upload.digest.is_(None), Upload.update_time > sa.bindparam("oldest", type_=Upload.update_time.type)),
)
_EXPLAIN = sa.select(Upload.offset, Upload.digest).where(Upload.id == sa.bindparam("id"))
