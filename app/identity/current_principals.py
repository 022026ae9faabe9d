"""The cache of current principals: whether they may still log in, and the version that their tokens must carry."""

from collections.abc import Callable, Mapping

from app.access.principals import Principal, PrincipalKind
from app.core.cache import Cache
from app.core.clock import Clock

FRESH_SECONDS = 5.0
"""The longest time that a principal is cached, after which tokens of a disabled or changed account end."""
_KEPT_BYTES = 8 * 1024 * 1024
_PRINCIPAL_BYTES = 512
_GRANT_BYTES = 256


class CurrentPrincipals:
    """Caches users and robots for at most five seconds, and reads them by one query otherwise."""

    def __init__(self, clock: Clock, by_id: Mapping[PrincipalKind, Callable[[int], Principal | None]]) -> None:
        """Read principals of a kind through the functions ``by_id``; kinds without one have no principals."""
        self._clock = clock
        self._by_id = by_id
        self._seen: Cache[tuple[PrincipalKind, int], tuple[float, Principal | None]] = Cache(_KEPT_BYTES, _cost)

    def of(self, kind: PrincipalKind, principal_id: int, *, at_least: int = 0) -> Principal | None:
        """Return the principal of the account, None when it is disabled, expired or deleted.

        A cached principal is used only with a version of ``at_least`` or more, since another process may know a newer
        one. The expiry of a robot takes effect to the second.
        """
        now = self._clock.now().timestamp()
        cached = self._seen.get((kind, principal_id))
        if (
            cached is not None
            and 0 <= now - cached[0] < FRESH_SECONDS
            and cached[1] is not None
            and cached[1].version >= at_least
        ):
            return None if cached[1].ended(now) else cached[1]
        return self.at_once(kind, principal_id)

    def at_once(self, kind: PrincipalKind, principal_id: int) -> Principal | None:
        """Return what ``of`` does, read from the database instead of the cache."""
        now = self._clock.now().timestamp()
        by_id = self._by_id.get(kind)
        principal = None if by_id is None else by_id(principal_id)
        self._seen.put((kind, principal_id), (now, principal))
        return None if principal is None or principal.ended(now) else principal


def _cost(cached: tuple[float, Principal | None]) -> int:
    return _PRINCIPAL_BYTES + _GRANT_BYTES * (len(cached[1].grants) if cached[1] is not None else 0)
