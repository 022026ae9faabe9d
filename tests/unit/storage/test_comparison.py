"""Two objects side by side."""

from contextlib import closing

import pytest

from app.core.errors import NotFoundError
from app.storage.comparison import first_difference_or_none
from app.storage.drivers.memory import MemoryDriver
from app.storage.store import BlobStore

BLOCK = 256 * 1024


def store_of(**objects: bytes) -> BlobStore:
    store = BlobStore(MemoryDriver())
    for key, content in objects.items():
        with closing(store.append(key, 0)) as writer:
            writer.write(memoryview(content))
    return store


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
def test_equal_ones(size: int) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    kept: list[None] = []
    store = store_of(one=content[:size], two=content[:size])
    assert first_difference_or_none(store, "one", "two", lambda: kept.append(None)) is None
    assert len(kept) == size // BLOCK + 1


@pytest.mark.parametrize(
    ("other", "block"),
    [
        (b"x" + bytes(2 * BLOCK - 1), 0),
        (bytes(2 * BLOCK - 1) + b"x", BLOCK),
        (bytes(2 * BLOCK) + b"x", 2 * BLOCK),
        (bytes(2 * BLOCK - 1), BLOCK),
        (b"", 0),
    ],
)
def test_where_they_differ(other: bytes, block: int) -> None:
    store = store_of(one=bytes(2 * BLOCK), two=other)
    assert first_difference_or_none(store, "one", "two", lambda: None) == block
    assert first_difference_or_none(store, "two", "one", lambda: None) == block


def test_one_that_is_missing() -> None:
    with pytest.raises(NotFoundError):
        first_difference_or_none(store_of(one=b""), "one", "two", lambda: None)
