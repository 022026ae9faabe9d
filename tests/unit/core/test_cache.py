"""The cache of immutable contents stays within its bound and forgets what was used longest ago."""

from app.core.cache import ContentCache


def test_the_least_recently_used_goes_first() -> None:
    cache = ContentCache(limit=10 * (1000 + 256))
    for number in range(10):
        cache.put(str(number), bytes(1000))
    assert cache.get("0") is not None
    cache.put("10", bytes(1000))
    assert cache.get("1") is None
    assert cache.get("0") is not None


def test_what_would_push_out_everything_is_not_kept() -> None:
    cache = ContentCache(limit=8000)
    cache.put("large", bytes(1000))
    assert cache.get("large") is None


def test_content_never_changes() -> None:
    cache = ContentCache()
    cache.put("digest", b"one")
    cache.put("digest", b"two")
    assert cache.get("digest") == b"one"
