"""Quarantine: blobs whose stored object does not match their digest are not served until a push replaces the object."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.context import Context
from app.core.errors import Contended, ContentDamaged, DomainError, NotFoundError
from app.db.plans import run
from app.storage.comparison import first_difference_or_none
from app.storage.ingest import Content, Ingest
from app.storage.models import IS_LIVE, IS_QUARANTINED, Blob, KeyBatch, Upload

_log = structlog.get_logger()
_OTHERS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCopy:
    """A live blob and its object at the time of the query; another object may replace it at any time."""

    id: int
    digest: str
    key: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObject:
    """A durable object whose bytes have the digest that it is pushed under."""

    key: str
    size: int
    instead_of: str | None
    """The key of the blob's current object, when that is broken; None otherwise."""
    batch: str | None = None
    """The prefix of the key's batch, which the purge must not have closed; None for the key of an upload session."""


def open_copy(ctx: Context, copy: StoredCopy, offset: int = 0) -> BinaryIO:
    """Open the blob's object at ``offset``, after a check of its length.

    Raise ContentDamaged, and quarantine the blob, when the length is not the blob's size; raise NotFoundError when the
    object does not exist, or is no longer the blob's.
    """
    try:
        return ctx.ports.storage.open_whole(copy.key, copy.size, offset)
    except ContentDamaged as damage:
        if not quarantine(ctx, copy, damage.detail):
            raise NotFoundError(f"object {copy.key!r} is no longer the blob's") from damage
        raise


def quarantine(ctx: Context, copy: StoredCopy, damage: object) -> bool:
    """Quarantine the blob and log the damage; return False when it is deleted, or has another object by now."""
    with ctx.write() as session:
        values = {"at_id": copy.id, "at_key": copy.key, "now": ctx.ports.clock.now()}
        quarantined = session.connection().execute(_QUARANTINE, values).one_or_none() is not None
    if quarantined:
        facts: dict[str, Any] = damage if isinstance(damage, dict) else {}
        _log.error("stored_content_damaged", digest=copy.digest, key=copy.key, **facts)
    return quarantined


def release(ctx: Context, copy: StoredCopy) -> bool:
    """Release a blob whose object turned out to be intact from quarantine; return False when it is not quarantined."""
    with ctx.write() as session:
        values = {"at_id": copy.id, "at_key": copy.key}
        return session.connection().execute(_RELEASE, values).one_or_none() is not None


def is_lost(ctx: Context, copy: StoredCopy) -> bool:
    """Tell whether this object alone is missing; False when others are too, as on a volume that is not mounted."""
    return any(_others_exist(ctx, copy.id))


def broken_key_or_none(ctx: Context, content: Content) -> str | None:
    """Return the key of the live blob's object when it is broken: quarantined, missing, or different from the content.

    An object of another length or with other bytes is quarantined. Return None when no live blob has this digest, when
    its object is intact or cannot be read, and while other objects are missing too: a volume that is not mounted comes
    back with its objects. Raise Contended when the object of the new content is missing.
    """
    for row in ctx.prepared_rows(_LIVE_COPY, {"digest": content.digest}):
        if row.quarantined:
            return str(row.key)
        copy = StoredCopy(id=row.id, digest=content.digest, key=row.key, size=row.size)
        try:
            stored = ctx.ports.storage.size(copy.key)
        except NotFoundError:
            others = list(_others_exist(ctx, copy.id))
            return None if others and not any(others) else copy.key
        except (DomainError, OSError) as error:
            _log_not_checked(copy, error)
            return None
        try:
            damage = _damage_or_none(ctx, copy, stored, content)
        except (DomainError, OSError) as error:
            _require_stored(ctx, content)
            _log_not_checked(copy, error)
            return None
        return copy.key if damage and quarantine(ctx, copy, damage) else None
    return None


def _log_not_checked(copy: StoredCopy, error: Exception) -> None:
    """Log that the object could not be compared; one that is missing now was deleted or replaced meanwhile."""
    _log.warning("stored_copy_not_looked_at", digest=copy.digest, key=copy.key, reason=str(error))


def _require_stored(ctx: Context, content: Content) -> None:
    try:
        ctx.ports.storage.size(content.upload.key)
    except NotFoundError as error:
        raise Contended(f"content {content.digest} was deleted before its commit: try again", retry_after=1) from error
    except (DomainError, OSError):
        return


def _damage_or_none(ctx: Context, copy: StoredCopy, stored: int, content: Content) -> dict[str, Any] | None:
    """Return how the object, of ``stored`` bytes, differs from the content of its digest; None when it is intact."""
    facts = {"stored": stored, "expected": copy.size}
    if stored != copy.size:
        return facts
    offset = first_difference_or_none(ctx.ports.storage, copy.key, content.upload.key, content.keep)
    if offset is None or _is_intact(ctx, copy, content):
        return None
    return facts | {"differs_from": offset}


def _is_intact(ctx: Context, copy: StoredCopy, content: Content) -> bool:
    """Tell whether the existing object matches the digest; log that the storage damaged the new content if so."""
    ports = ctx.ports
    ingest = Ingest(ports.db, ports.storage, ports.clock)
    intact = ingest.digest_of(copy.key, content.digest.algorithm, copy.size, content.keep) == content.digest
    if intact:
        _log.error("stored_content_damaged", digest=copy.digest, key=content.upload.key, expected=copy.size)
    return intact


def choose_object(session: Session, known: sa.Row[Any], new: NewObject) -> str | None:
    """Choose between a locked blob's object and a new one, and return the key of the object that is not used.

    Return None when both are the same. The upload's row gets the key of a broken object: if this process ends before
    it deletes that object, the purge deletes it. Raise Contended when the purge has closed the key batch of the new
    object meanwhile, as it may have deleted the object.
    """
    if known.key == new.key:
        return None
    if known.quarantined_at is None and known.key != new.instead_of:
        return new.key
    if new.batch is not None and not run(session, OPEN_BATCH, {"batch": new.batch}):
        raise Contended(f"the purge closed the key batch of {new.key!r} before the commit: try again", retry_after=1)
    keys = {"at_id": known.id, "broken": known.key, "good": new.key, "size": new.size}
    session.connection().execute(_HEAL, keys)
    session.connection().execute(_LEAVE_TO_PURGE, keys)
    return str(known.key)


def _others_exist(ctx: Context, blob_id: int) -> Iterator[bool]:
    """Yield for some other blobs whether the object exists."""
    return (_exists(ctx, row.key) for row in ctx.rows(_OTHER_KEYS, {"id": blob_id}))


def _exists(ctx: Context, key: str) -> bool:
    try:
        ctx.ports.storage.size(key)
    except (DomainError, OSError):
        return False
    return True


OPEN_BATCH: Final = sa.select(KeyBatch.id).where(
    KeyBatch.prefix == sa.bindparam("batch"), KeyBatch.closed.is_(sa.false())
)
"""Selects a batch whose objects may still become blobs: the purge looks through a batch once, when it has closed it."""
_TABLE = cast("sa.Table", Blob.__table__)
_COPY = (
    sa.update(_TABLE)
    .where(_TABLE.c.id == sa.bindparam("at_id"), _TABLE.c.key == sa.bindparam("at_key"), IS_LIVE)
    .returning(_TABLE.c.id)
)
_NOW = sa.bindparam("now", type_=_TABLE.c.quarantined_at.type)
_QUARANTINE = _COPY.values(quarantined_at=sa.func.coalesce(_TABLE.c.quarantined_at, _NOW))
_RELEASE = _COPY.where(IS_QUARANTINED).values(quarantined_at=None)
_HEAL = (
    sa.update(_TABLE)
    .where(_TABLE.c.id == sa.bindparam("at_id"))
    .values(
        key=sa.bindparam("good", type_=_TABLE.c.key.type),
        size=sa.bindparam("size", type_=_TABLE.c.size.type),
        quarantined_at=None,
    )
)
_UPLOAD = cast("sa.Table", Upload.__table__)
_other_upload = _UPLOAD.alias("other")
_LEAVE_TO_PURGE = (
    sa.update(_UPLOAD)
    .where(
        _UPLOAD.c.key == sa.bindparam("good"),
        ~sa.exists(sa.select(sa.literal(1)).where(_other_upload.c.key == sa.bindparam("broken"))),
    )
    .values(key=sa.bindparam("broken"))
)
"""Skipped when the upload that wrote the broken object still has its row, by which the purge finds the object."""
_LIVE_COPY = sa.select(Blob.id, Blob.key, Blob.size, IS_QUARANTINED.label("quarantined")).where(
    Blob.digest == sa.bindparam("digest"), IS_LIVE
)
_OTHER_KEYS = sa.select(Blob.key).where(Blob.id != sa.bindparam("id"), IS_LIVE).order_by(Blob.id).limit(_OTHERS)
"""The oldest blobs: those pushed while a volume is not mounted do not tell whether it is."""
