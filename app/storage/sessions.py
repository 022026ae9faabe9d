"""The rows of upload sessions: owner, lease, offset and hash state. Each change is one statement."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.errors import RangeInvalid, UploadUnknown
from app.db.conflict import absent_inserts
from app.db.database import Database
from app.db.plans import run
from app.db.types import clock_ms
from app.storage.models import CANCELLED, Upload

LEASE_MS = 20_000
REMEMBERED = timedelta(minutes=10)
"""How long a finished session still answers repeated requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSession:
    """An upload session as the database has it."""

    id: str
    repository: str
    project_id: int
    key: str
    offset: int
    algorithm: str
    hash_state: bytes | None
    digest: str | None
    """The digest of its blob when it is finished."""
    stored: bool = True
    """Whether it has a row; a session without one has no bytes, and all its facts are in its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The progress of a request: its offset, the hash state there, and the time."""

    offset: int
    hash_state: bytes | None
    update_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The columns of a session's new row that ``UploadSession`` does not have."""

    account: str
    """The account whose open sessions include this one."""
    now: datetime


def insert(session: Session, upload: UploadSession, entry: Entry) -> None:
    """Insert the session's row; raise RangeInvalid or UploadUnknown when another request has inserted it before."""
    if not run(session, _INSERT[session.get_bind().dialect.name], _values(upload, entry)):
        raise _explained(run(session, _EXPLAIN, {"id": upload.id}), upload)


def note_ended(db: Database, upload: UploadSession, entry: Entry) -> None:
    """Insert the row of a session that ended without bytes, in a transaction of its own; raise as ``insert`` does."""
    if not db.note(_INSERT[db.dialect], _values(upload, entry)):
        raise _explained(db.prepared_rows(_EXPLAIN, {"id": upload.id}), upload)


def find_or_none(db: Database, upload_id: str, repository: str, now: datetime) -> UploadSession | None:
    """Return the session with this id under the repository's name; None when it has no row.

    Raise UploadUnknown when it was cancelled, or finished more than ``REMEMBERED`` ago.
    """
    for row in db.prepared_rows(_FIND, {"id": upload_id, "repository": repository}):
        if row.digest is not None and (row.digest == CANCELLED or row.update_time <= now - REMEMBERED):
            raise UploadUnknown
        return UploadSession(**{name: getattr(row, name) for name in _FACTS})
    return None


def lease(db: Database, upload: UploadSession, holder: str) -> bool:
    """Take the session's lease; return False while another request owns it.

    Raise RangeInvalid when its offset has changed, UploadUnknown when it has ended.
    """
    if db.note(_LEASE, _at(upload) | {"holder": holder}):
        return True
    rows = db.prepared_rows(_EXPLAIN, {"id": upload.id})
    if rows and rows[0].digest is None and rows[0].offset == upload.offset:
        return False
    raise _explained(rows, upload)


def take_over(db: Database, upload: UploadSession, holder: str) -> None:
    """Take the session's lease from its owner.

    Only the request that has the object's exclusive writer may call this: that proves the owner dead or too late.
    Raise RangeInvalid when the session's offset has changed, UploadUnknown when it has ended.
    """
    _note(db, upload, _TAKE_OVER, {"holder": holder})


def require_lease(db: Database, upload: UploadSession, holder: str) -> None:
    """Raise RangeInvalid or UploadUnknown unless ``holder`` owns the session."""
    if db.prepared_rows(_HOLDS, {"id": upload.id, "holder": holder}):
        return
    raise _explained(db.prepared_rows(_EXPLAIN, {"id": upload.id}), upload)


def renew(db: Database, upload: UploadSession, holder: str, reached: Reached) -> None:
    """Renew the lease and store the progress; raise RangeInvalid or UploadUnknown when the lease is lost."""
    _note(db, upload, _RENEW, {"holder": holder, **asdict(reached)})


def release(db: Database, upload: UploadSession, holder: str, reached: Reached) -> None:
    """End the lease and store the progress; raise RangeInvalid or UploadUnknown when the lease is lost."""
    _note(db, upload, _RELEASE, {"holder": holder, **asdict(reached)})


def finish(session: Session, upload: UploadSession, holder: str, *, digest: str, reached: Reached) -> None:
    """Mark the session as finished, in the transaction that commits its blob.

    Raise RangeInvalid when its offset has changed or ``holder`` does not own it, UploadUnknown when it has ended.
    """
    values = {"holder": holder, "digest": digest, **asdict(reached)}
    if not run(session, _FINISH, _at(upload) | values):
        raise _explained(run(session, _EXPLAIN, {"id": upload.id}), upload)


def cancel(session: Session, upload: UploadSession, now: datetime) -> bool:
    """Cancel an open session, even while a request owns it; return False when it has ended or does not exist.

    The row stays for the purge, which deletes the bytes that a crash, or a request just about to write, leaves.
    """
    return session.connection().execute(_CANCEL, {"at_id": upload.id, "now": now}).one_or_none() is not None


def end_idle(session: Session, upload_id: str, now: datetime) -> bool:
    """Cancel an open session that no request owns; return False otherwise."""
    return session.connection().execute(_END_IDLE, {"at_id": upload_id, "now": now}).one_or_none() is not None


def _note(db: Database, upload: UploadSession, statement: sa.Executable, values: dict[str, Any]) -> None:
    if not db.note(statement, _at(upload) | values):
        raise _explained(db.prepared_rows(_EXPLAIN, {"id": upload.id}), upload)


def _values(upload: UploadSession, entry: Entry) -> dict[str, Any]:
    return {
        "id": upload.id,
        "repository": upload.repository,
        "project_id": upload.project_id,
        "account": entry.account,
        "key": upload.key,
        "offset": upload.offset,
        "algorithm": upload.algorithm,
        "digest": upload.digest,
        "now": entry.now,
    }


def _at(upload: UploadSession) -> dict[str, Any]:
    return {"at_id": upload.id, "at_offset": upload.offset}


def _explained(rows: Sequence[Any], upload: UploadSession) -> UploadUnknown | RangeInvalid:
    """Return the error that explains, by the session's current row, why a change did not apply."""
    row = next(iter(rows), None)
    if row is None or row.digest is not None:
        return UploadUnknown()
    if row.offset != upload.offset:
        message = f"the upload stands at offset {row.offset}, not {upload.offset}"
        return RangeInvalid(message, detail={"offset": row.offset})
    return RangeInvalid("another request is writing to this upload", detail={"offset": row.offset})


_TABLE = cast("sa.Table", Upload.__table__)
_ROW = _TABLE.c
_FACTS = ("id", "repository", "project_id", "key", "offset", "algorithm", "hash_state", "digest")
_FIND = sa.select(*(_ROW[name] for name in _FACTS), _ROW.update_time).where(
    _ROW.id == sa.bindparam("id"), _ROW.repository == sa.bindparam("repository")
)
_HOLDS = sa.select(_ROW.id).where(
    _ROW.id == sa.bindparam("id"), _ROW.lease_holder == sa.bindparam("holder"), _ROW.digest.is_(None)
)
_EXPLAIN = sa.select(_ROW.offset, _ROW.digest).where(_ROW.id == sa.bindparam("id"))
_INSERT = absent_inserts(
    Upload,
    *("id", "repository", "project_id", "account", "key", "offset", "algorithm", "digest"),
    lease_until=0,
    creation_time=sa.bindparam("now", type_=_ROW.creation_time.type),
    update_time=sa.bindparam("now", type_=_ROW.update_time.type),
    admitted=0,
)
_AT_OFFSET = (
    sa.update(_TABLE)
    .returning(_ROW.id)
    .where(_ROW.id == sa.bindparam("at_id"), _ROW.offset == sa.bindparam("at_offset"), _ROW.digest.is_(None))
)
_UNOWNED = sa.or_(_ROW.lease_holder.is_(None), _ROW.lease_until <= clock_ms())
_FREE = _AT_OFFSET.where(_UNOWNED)
_OWNED = _AT_OFFSET.where(_ROW.lease_holder == sa.bindparam("holder"))
_TO = {name: sa.bindparam(name, type_=_ROW[name].type) for name in ("offset", "hash_state", "update_time")}
_ENDED: dict[str, Any] = {"lease_holder": None, "lease_until": 0, "admitted": 0}
_CANCEL = (
    sa.update(_TABLE)
    .where(_ROW.id == sa.bindparam("at_id"), _ROW.digest.is_(None))
    .values(digest=CANCELLED, update_time=sa.bindparam("now", type_=_ROW.update_time.type), **_ENDED)
    .returning(_ROW.id)
)
_END_IDLE = _CANCEL.where(_UNOWNED)
_NEW_OWNER = _ENDED | {"lease_holder": sa.bindparam("holder"), "lease_until": clock_ms() + LEASE_MS}
_LEASE = _FREE.values(**_NEW_OWNER)
_TAKE_OVER = _AT_OFFSET.values(**_NEW_OWNER)
_RENEW = _OWNED.values(lease_until=clock_ms() + LEASE_MS, **_TO)
_RELEASE = _OWNED.values(**_ENDED, **_TO)
_FINISH = _OWNED.values(digest=sa.bindparam("digest"), **_ENDED, **_TO)
