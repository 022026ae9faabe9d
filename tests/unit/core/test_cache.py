"""The cache of immutable contents stays within its bound and forgets what was used longest ago."""

from app.core.cache import Cache, content_cache


def test_the_least_recently_used_goes_first() -> None:
    cache = content_cache(limit=10 * (1000 + 256))
    for number in range(10):
        cache.put(str(number), bytes(1000))
    assert cache.get("0") is not None
    cache.put("10", bytes(1000))
    assert cache.get("1") is None
    assert cache.get("0") is not None


def test_what_would_push_out_everything_is_not_kept() -> None:
    cache = content_cache(limit=8000)
    cache.put("large", bytes(1000))
    assert cache.get("large") is None


def test_a_new_value_replaces_the_old_one_and_its_cost() -> None:
    cache = content_cache(limit=10 * (1000 + 256))
    for _ in range(100):
        cache.put("same", bytes(1000))
    cache.put("other", b"one")
    assert cache.get("same") == bytes(1000)
    cache.forget("same")
    assert (cache.get("same"), cache.get("other")) == (None, b"one")


def test_a_value_ends_with_its_age() -> None:
    now = 100.0
    cache: Cache[str, int] = Cache(10_000, lambda _: 0, seconds=5, timer=lambda: now)
    cache.put("a", 0)
    now = 104.9
    assert cache.get("a") == 0
    cache.put("b", 1)
    now = 105.0
    assert (cache.get("a"), cache.get("b")) == (None, 1)
