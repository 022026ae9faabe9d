"""Upload sessions as rows: who owns one for how long, and how far it is. Each change is one statement."""

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
    stored: bool = True
    """Whether it has a row; one without holds no bytes, and nothing but its id says that it exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """How far a request came: the offset, the hash's state there, and when."""

    offset: int
    hash_state: bytes | None
    update_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a session's new row holds beside the session itself."""

    account: str
    """Among whose open sessions it counts."""
    now: datetime


def insert(session: Session, upload: UploadSession, entry: Entry) -> None:
    """Give the session its row; RangeInvalid or UploadUnknown when another request did so before."""
    if not run(session, _INSERT[session.get_bind().dialect.name], _values(upload, entry)):
        raise _explained(run(session, _EXPLAIN, {"id": upload.id}), upload)


def note_ended(db: Database, upload: UploadSession, entry: Entry) -> None:
    """As ``insert``, for a session that never held bytes and has ended, in a transaction of its own."""
    if not db.note(_INSERT[db.dialect], _values(upload, entry)):
        raise _explained(db.rows(_EXPLAIN, {"id": upload.id}), upload)


def find_or_none(db: Database, upload_id: str, repository: str, now: datetime) -> UploadSession | None:
    """The session that has a row under this repository's name, None without one.

    UploadUnknown when it was cancelled, or finished too long ago.
    """
    for row in db.rows(_FIND, {"id": upload_id, "repository": repository}):
        if row.digest is not None and (row.digest == CANCELLED or row.update_time <= now - REMEMBERED):
            raise UploadUnknown
        return UploadSession(**{name: getattr(row, name) for name in _FACTS})
    return None


def lease(db: Database, upload: UploadSession, holder: str) -> bool:
    """Take the session where it stands; False while another request owns it there, RangeInvalid when it moved."""
    if db.note(_LEASE, _at(upload) | {"holder": holder}):
        return True
    rows = db.rows(_EXPLAIN, {"id": upload.id})
    if rows and rows[0].digest is None and rows[0].offset == upload.offset:
        return False
    raise _explained(rows, upload)


def take_over(db: Database, upload: UploadSession, holder: str) -> None:
    """Take the session where it stands, whoever owns it; RangeInvalid or UploadUnknown when it moved or ended.

    Only for whoever keeps every other writer out of the object, where that shows that the owner is dead or too late.
    """
    _note(db, upload, _TAKE_OVER, {"holder": holder})


def require_lease(db: Database, upload: UploadSession, holder: str) -> None:
    """Raise RangeInvalid or UploadUnknown unless ``holder`` owns the session; changes nothing."""
    if db.rows(_HOLDS, {"id": upload.id, "holder": holder}):
        return
    raise _explained(db.rows(_EXPLAIN, {"id": upload.id}), upload)


def renew(db: Database, upload: UploadSession, holder: str, reached: Reached) -> None:
    """Prolong the lease and store what was reached; RangeInvalid when it was lost."""
    _note(db, upload, _RENEW, {"holder": holder, **asdict(reached)})


def release(db: Database, upload: UploadSession, holder: str, reached: Reached) -> None:
    """End the lease and store what was reached; RangeInvalid when it was lost."""
    _note(db, upload, _RELEASE, {"holder": holder, **asdict(reached)})


def finish(session: Session, upload: UploadSession, holder: str, *, digest: str, reached: Reached) -> None:
    """Turn the session into a finished one, in the transaction that commits its blob.

    RangeInvalid when the session moved, or is owned by another than ``holder``.
    """
    values = {"holder": holder, "digest": digest, **asdict(reached)}
    if not run(session, _FINISH, _at(upload) | values):
        raise _explained(run(session, _EXPLAIN, {"id": upload.id}), upload)


def cancel(session: Session, upload: UploadSession, now: datetime) -> bool:
    """End an unfinished session, whoever owns it; False when it is gone or finished.

    The row stays for the purge, which frees what a crash, or a request that was about to write, leaves behind.
    """
    return session.connection().execute(_CANCEL, {"at_id": upload.id, "now": now}).one_or_none() is not None


def end_idle(session: Session, upload_id: str, now: datetime) -> bool:
    """As ``cancel``, but False as well while a request owns it."""
    return session.connection().execute(_END_IDLE, {"at_id": upload_id, "now": now}).one_or_none() is not None


def _note(db: Database, upload: UploadSession, statement: sa.Executable, values: dict[str, Any]) -> None:
    if not db.note(statement, _at(upload) | values):
        raise _explained(db.rows(_EXPLAIN, {"id": upload.id}), upload)


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
    """Why a change found nothing to change, by the session's row as it is now."""
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
