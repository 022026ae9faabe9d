"""Buffers for bodies: a small one per thread, and blocks for the time that a body is read."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from app.registry.receive import BUFFER_BYTES

BLOCK_BYTES: Final = 1024 * 1024
_CODING_BYTES: Final = 4 * 1024
_SPARE_BLOCKS: Final = 2
_buffers = threading.local()
_blocks: list[bytearray] = []


def take_buffer() -> bytearray:
    """Return this thread's buffer; its content is valid until the next call."""
    buffer: bytearray | None = getattr(_buffers, "buffer", None)
    if buffer is None:
        buffer = _buffers.buffer = bytearray(BUFFER_BYTES)
    return buffer


@contextmanager
def block() -> Iterator[bytearray]:
    """Lend a buffer for BLOCK_BYTES of content and its chunked coding; a few are kept for the next callers."""
    try:
        buffer = _blocks.pop()
    except IndexError:
        buffer = bytearray(BLOCK_BYTES + _CODING_BYTES)
    try:
        yield buffer
    finally:
        if len(_blocks) < _SPARE_BLOCKS:
            _blocks.append(buffer)
