"""Principals as they are now: whether they may still log in, and the version that their tokens must carry."""

from collections.abc import Callable, Mapping

from app.access.principals import Principal, PrincipalKind
from app.core.cache import Cache
from app.core.clock import Clock

FRESH_SECONDS = 5.0
"""How old an answer may be; tokens of a disabled account, or made before its rights changed, end after this time."""
_KEPT_BYTES = 8 * 1024 * 1024
_PRINCIPAL_BYTES = 512
_GRANT_BYTES = 256


class CurrentPrincipals:
    """Knows users and robots as the database had them at most five seconds ago; else asks by one query."""

    def __init__(self, clock: Clock, by_id: Mapping[PrincipalKind, Callable[[int], Principal | None]]) -> None:
        """Ask ``by_id`` for the principal of an id as the database has it now; other kinds have none."""
        self._clock = clock
        self._by_id = by_id
        self._seen: Cache[tuple[PrincipalKind, int], tuple[float, Principal | None]] = Cache(_KEPT_BYTES, _cost)

    def of(self, kind: PrincipalKind, principal_id: int, *, at_least: int = 0) -> Principal | None:
        """Return the account as a principal, None when it is disabled, over or gone.

        A remembered answer is used only when its version is ``at_least`` that: another process may know a newer one.
        A robot ends to the second.
        """
        now = self._clock.now().timestamp()
        seen = self._seen.get((kind, principal_id))
        if (
            seen is not None
            and 0 <= now - seen[0] < FRESH_SECONDS
            and seen[1] is not None
            and seen[1].version >= at_least
        ):
            return None if seen[1].ended(now) else seen[1]
        return self.at_once(kind, principal_id)

    def at_once(self, kind: PrincipalKind, principal_id: int) -> Principal | None:
        """Return what ``of`` does, read from the database now."""
        now = self._clock.now().timestamp()
        by_id = self._by_id.get(kind)
        principal = None if by_id is None else by_id(principal_id)
        self._seen.put((kind, principal_id), (now, principal))
        return None if principal is None or principal.ended(now) else principal


def _cost(seen: tuple[float, Principal | None]) -> int:
    return _PRINCIPAL_BYTES + _GRANT_BYTES * (len(seen[1].grants) if seen[1] is not None else 0)
