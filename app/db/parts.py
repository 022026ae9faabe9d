"""Long lists in statements: databases bound the number of parameters, so a list is given in parts."""

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
