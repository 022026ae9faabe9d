"""Deleting small objects that never became blobs, found under the keys of batches no longer in use."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from app.context import Context
from app.core.errors import DomainError
from app.db import gate
from app.storage.key_batches import KEYS, key_of
from app.storage.purging import close_batches, forget_batches, known_keys, old_batches

_log = structlog.get_logger()
_AT_ONCE: Final = 20
_AGE: Final = timedelta(hours=1)
"""The age from which a batch is checked, far above the time for which a process uses one."""


def purge_batches(ctx: Context, go_on: Callable[[], bool]) -> tuple[int, int]:
    """Delete the objects of old batches that have no row; return the number of batches and of deleted objects.

    A batch is closed before it is checked, so that none of its objects becomes a blob meanwhile.
    """
    purged: list[int] = []
    objects = 0
    for batch_id, prefix in _close(ctx).items():
        if not go_on():
            break
        unlinked = _unlink_unknown(ctx, [key_of(prefix, number) for number in range(KEYS)])
        if unlinked is None:
            break
        objects += unlinked
        purged.append(batch_id)
    if purged:
        with ctx.write() as session:
            forget_batches(session, purged)
    return len(purged), objects


def _close(ctx: Context) -> Mapping[int, str]:
    """Close some old batches, so that no object can become a blob under their keys; return their prefixes by id."""
    with ctx.read() as session:
        old = old_batches(session, ctx.ports.clock.now() - _AGE, _AT_ONCE)
    if old:
        with ctx.write() as session:
            gate.hold_back(session)
            close_batches(session, list(old))
    return old


def _unlink_unknown(ctx: Context, keys: Sequence[str]) -> int | None:
    """Delete the objects without a row and return their number, None when the storage fails."""
    with ctx.read() as session:
        known = known_keys(session, keys)
    try:
        return sum(ctx.ports.storage.delete(key) for key in keys if key not in known)
    except (DomainError, OSError) as error:
        _log.error("small_objects_not_deleted", first=keys[0], reason=str(error))
        return None
