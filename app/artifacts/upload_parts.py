"""The parts that clients send to upload sessions."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a blob that a client is sending to a session."""

    pieces: Iterable[memoryview]
    """A piece is valid until the next one is asked for; an empty one means that the client sends nothing now."""
    length: int | None = None
    """The length in bytes that the part must have, when Content-Length does not ensure it."""
    declared: int | None = None
    """The Content-Length in bytes; None without one."""
