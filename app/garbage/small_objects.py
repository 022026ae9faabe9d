"""Small objects that never became blobs: looked for under the keys of batches that nobody uses any more."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from app.context import Context
from app.core.errors import DomainError
from app.db import gate
from app.storage.key_batches import KEYS, key_of
from app.storage.models import Blob, KeyBatch, Upload

_log = structlog.get_logger()
_NOT_SYNCHRONIZED: Final = {"synchronize_session": False}
_AT_ONCE: Final = 20
_AGE: Final = timedelta(hours=1)
"""Far more than a process uses a batch."""


def purge_batches(ctx: Context, go_on: Callable[[], bool]) -> tuple[int, int]:
    """Delete what was written under keys of old batches and no row knows; returns the batches and the objects.

    A batch is closed before it is looked through, so that nothing becomes a blob behind the look.
    """
    gone: list[int] = []
    objects = 0
    for batch_id, prefix in _close(ctx).items():
        if not go_on():
            break
        unlinked = _unlink_unknown(ctx, [key_of(prefix, number) for number in range(KEYS)])
        if unlinked is None:
            break
        objects += unlinked
        gone.append(batch_id)
    if gone:
        with ctx.write() as session:
            session.execute(sa.delete(KeyBatch).where(KeyBatch.id.in_(gone)), execution_options=_NOT_SYNCHRONIZED)
    return len(gone), objects


def _close(ctx: Context) -> Mapping[int, str]:
    """Let nothing enter under the keys of some old batches any more; their prefixes by id."""
    old = {row.id: row.prefix for row in ctx.rows(_OLD, {"old": ctx.ports.clock.now() - _AGE})}
    if old:
        closing = sa.update(KeyBatch).where(KeyBatch.id.in_(old)).values(closed=True)
        with ctx.write() as session:
            gate.hold_back(session)
            session.execute(closing, execution_options=_NOT_SYNCHRONIZED)
    return old


def _unlink_unknown(ctx: Context, keys: Sequence[str]) -> int | None:
    """Delete the objects that no row knows, and count them; None when the storage refuses."""
    with ctx.read() as session:
        known = set(session.execute(_KNOWN, {"keys": keys}).scalars())
    try:
        return sum(ctx.ports.storage.delete(key) for key in keys if key not in known)
    except (DomainError, OSError) as error:
        _log.error("small_objects_not_deleted", first=keys[0], reason=str(error))
        return None


_OLD = (
    sa.select(KeyBatch.id, KeyBatch.prefix)
    .where(KeyBatch.creation_time < sa.bindparam("old", type_=KeyBatch.creation_time.type))
    .order_by(KeyBatch.creation_time)
    .limit(_AT_ONCE)
)
_KEYS: sa.BindParameter[list[str]] = sa.bindparam("keys", expanding=True)
_KNOWN = sa.union_all(
    sa.select(Blob.key).where(Blob.key.in_(_KEYS)), sa.select(Upload.key).where(Upload.key.in_(_KEYS))
)
"""What an upload's row leads to is that row's business."""
