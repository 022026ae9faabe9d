"""Small objects that never became blobs: looked for under the keys of batches that nobody uses any more."""

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
            forget_batches(session, gone)
    return len(gone), objects


def _close(ctx: Context) -> Mapping[int, str]:
    """Let nothing enter under the keys of some old batches any more; their prefixes by id."""
    with ctx.read() as session:
        old = old_batches(session, ctx.ports.clock.now() - _AGE, _AT_ONCE)
    if old:
        with ctx.write() as session:
            gate.hold_back(session)
            close_batches(session, list(old))
    return old


def _unlink_unknown(ctx: Context, keys: Sequence[str]) -> int | None:
    """Delete the objects that no row knows, and count them; None when the storage refuses."""
    with ctx.read() as session:
        known = known_keys(session, keys)
    try:
        return sum(ctx.ports.storage.delete(key) for key in keys if key not in known)
    except (DomainError, OSError) as error:
        _log.error("small_objects_not_deleted", first=keys[0], reason=str(error))
        return None
