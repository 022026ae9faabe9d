"""Split long lists, as databases bound the number of a statement's parameters."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final, TypeVar

T = TypeVar("T")
_AT_ONCE: Final = 10_000


def parts(values: Iterable[T], size: int = _AT_ONCE) -> Iterator[list[T]]:
    """Yield the values in lists of at most ``size``; nothing for no values."""
    remaining = iter(values)
    while part := list(islice(remaining, size)):
        yield part
