"""What clients send into upload sessions."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Content on its way into a session."""

    pieces: Iterable[memoryview]
    """Each is valid until the next is asked for; an empty one means that nothing comes for a moment."""
    length: int | None = None
    """The bytes that it must turn out to have, when nothing else makes sure of that."""
    declared: int | None = None
    """The bytes that were announced; None when they were not."""
