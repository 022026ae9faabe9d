"""Blobs whose stored copy does not hold what their digest says: nobody gets them until they are healed or released."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from app.context import Context
from app.core.errors import Contended, ContentDamaged, DomainError, NotFoundError
from app.db.plans import run
from app.storage.comparison import first_difference
from app.storage.ingest import Content, Ingest
from app.storage.models import IS_LIVE, IS_QUARANTINED, Blob, KeyBatch, Upload

_log = structlog.get_logger()
_OTHERS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCopy:
    """A live blob and the object that it was seen with; another object may take its place at any time."""

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
    """The key of the blob's object, when that was seen to be broken."""
    batch: str | None = None
    """The prefix of the batch of its key, which the purge must not have looked through; None for an upload's key."""


def open_copy(ctx: Context, copy: StoredCopy, offset: int = 0) -> BinaryIO:
    """Open the object at ``offset``, of the length that its row says.

    ContentDamaged when it has another one: the blob is quarantined then. NotFoundError when there is no such object, or
    another one took its place.
    """
    try:
        return ctx.ports.storage.open_whole(copy.key, copy.size, offset)
    except ContentDamaged as damage:
        if not quarantine(ctx, copy, damage.detail):
            raise NotFoundError(f"object {copy.key!r} is not the blob's any more") from damage
        raise


def quarantine(ctx: Context, copy: StoredCopy, damage: object) -> bool:
    """Set the blob apart from now on, and log it; False when it is gone, or has another object by now."""
    with ctx.write() as session:
        values = {"at_id": copy.id, "at_key": copy.key, "now": ctx.ports.clock.now()}
        hit = session.connection().execute(_QUARANTINE, values).one_or_none() is not None
    if hit:
        facts: dict[str, Any] = damage if isinstance(damage, dict) else {}
        _log.error("stored_content_damaged", digest=copy.digest, key=copy.key, **facts)
    return hit


def release(ctx: Context, copy: StoredCopy) -> bool:
    """Give out a quarantined blob again whose object turned out good; False when it is not quarantined (any more)."""
    with ctx.write() as session:
        values = {"at_id": copy.id, "at_key": copy.key}
        return session.connection().execute(_RELEASE, values).one_or_none() is not None


def is_lost(ctx: Context, copy: StoredCopy) -> bool:
    """Whether a missing object is missing alone; False when others are too, as with a volume that is not mounted."""
    return any(_others_are_there(ctx, copy.id))


def broken_key(ctx: Context, content: Content) -> str | None:
    """The object of the live blob of this digest when it is not what the content is: set apart, missing, other bytes.

    One of another length or with other bytes is quarantined first. None when there is no such blob or its object is
    sound or cannot be read, and while objects are missing altogether: a volume that is not mounted comes back with what
    is on it. Contended when it is the content that is gone.
    """
    for row in ctx.rows(_LIVE_COPY, {"digest": content.digest}):
        if row.quarantined:
            return str(row.key)
        copy = StoredCopy(id=row.id, digest=content.digest, key=row.key, size=row.size)
        try:
            stored = ctx.ports.storage.size(copy.key)
        except NotFoundError:
            others = list(_others_are_there(ctx, copy.id))
            return None if others and not any(others) else copy.key
        except (DomainError, OSError) as error:
            _tell_not_looked_at(copy, error)
            return None
        try:
            damage = _damage(ctx, copy, stored, content)
        except (DomainError, OSError) as error:
            _require_there(ctx, content)
            _tell_not_looked_at(copy, error)
            return None
        return copy.key if damage and quarantine(ctx, copy, damage) else None
    return None


def _tell_not_looked_at(copy: StoredCopy, error: Exception) -> None:
    """Log it; a copy that is missing now was deleted or replaced meanwhile."""
    _log.warning("stored_copy_not_looked_at", digest=copy.digest, key=copy.key, reason=str(error))


def _require_there(ctx: Context, content: Content) -> None:
    try:
        ctx.ports.storage.size(content.upload.key)
    except NotFoundError as error:
        raise Contended(f"content {content.digest} went before it was committed", retry_after=1) from error
    except (DomainError, OSError):
        return


def _damage(ctx: Context, copy: StoredCopy, stored: int, content: Content) -> dict[str, Any] | None:
    """How an object of ``stored`` bytes differs from the content that has its digest; None when it does not."""
    facts = {"stored": stored, "expected": copy.size}
    if stored != copy.size:
        return facts
    differs = first_difference(ctx.ports.storage, copy.key, content.upload.key, content.keep)
    if differs is None or _is_sound(ctx, copy, content):
        return None
    return facts | {"differs_from": differs}


def _is_sound(ctx: Context, copy: StoredCopy, content: Content) -> bool:
    """Whether it is the copy that holds what the digest says, and the content that the storage did not keep."""
    ports = ctx.ports
    ingest = Ingest(ports.db, ports.storage, ports.clock)
    sound = ingest.digest_of(copy.key, content.digest.algorithm, copy.size, content.keep) == content.digest
    if sound:
        _log.error("stored_content_damaged", digest=copy.digest, key=content.upload.key, expected=copy.size)
    return sound


def choose_object(session: Session, known: sa.Row[Any], new: NewObject) -> str | None:
    """Choose between a locked blob's object and a new one, and return the other's key.

    The upload's row, which outlives the commit, takes over the key of a broken object: should this process end before
    it deletes it, the purge of uploads does. Contended when the new one is of a batch that the purge looked through
    meanwhile: it may be gone.
    """
    if known.key == new.key:
        return None
    if known.quarantined_at is None and known.key != new.instead_of:
        return new.key
    if new.batch is not None and not run(session, OPEN_BATCH, {"batch": new.batch}):
        raise Contended(f"the purge came before blob {new.key!r} was committed", retry_after=1)
    keys = {"at_id": known.id, "broken": known.key, "good": new.key, "size": new.size}
    session.connection().execute(_HEAL, keys)
    session.connection().execute(_LEAVE_TO_PURGE, keys)
    return str(known.key)


def _others_are_there(ctx: Context, blob_id: int) -> Iterator[bool]:
    """Of each of some other blobs, whether its object is there."""
    return (_is_there(ctx, row.key) for row in ctx.rows(_OTHER_KEYS, {"id": blob_id}))


def _is_there(ctx: Context, key: str) -> bool:
    try:
        ctx.ports.storage.size(key)
    except (DomainError, OSError):
        return False
    return True


OPEN_BATCH: Final = sa.select(KeyBatch.id).where(
    KeyBatch.prefix == sa.bindparam("batch"), KeyBatch.closed.is_(sa.false())
)
"""Whether objects of the batch may still become blobs: what the purge did not find there it will not look for again."""
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
"""An upload that wrote the broken object may still have its row; then that one leads the purge to it."""
_LIVE_COPY = sa.select(Blob.id, Blob.key, Blob.size, IS_QUARANTINED.label("quarantined")).where(
    Blob.digest == sa.bindparam("digest"), IS_LIVE
)
_OTHER_KEYS = sa.select(Blob.key).where(Blob.id != sa.bindparam("id"), IS_LIVE).order_by(Blob.id).limit(_OTHERS)
"""The oldest: what was pushed while a volume was away is no witness for it."""
