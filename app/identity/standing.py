"""How a principal stands now: whether it may still log in, and the version that its tokens must carry."""

import threading

import sqlalchemy as sa

from app.access.principals import Principal, PrincipalKind
from app.core.clock import Clock
from app.db.database import Database
from app.identity.models import User

FRESH_SECONDS = 5.0
"""How old an answer may be; a disabled account or a changed right is noticed after this time at the latest."""
_KEPT = 10_000


class Standing:
    """The database's word on users, at most five seconds old; else one indexed query on the kept connection."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._seen: dict[int, tuple[float, Principal | None]] = {}
        self._lock = threading.Lock()

    def user(self, user_id: int, *, at_least: int = 0) -> Principal | None:
        """The user as a principal; None when it is disabled or gone.

        What is remembered answers only when its version is ``at_least`` that: another process may know a newer one.
        """
        now = self._clock.now().timestamp()
        seen = self._seen.get(user_id)
        if (
            seen is not None
            and 0 <= now - seen[0] < FRESH_SECONDS
            and seen[1] is not None
            and seen[1].version >= at_least
        ):
            return seen[1]
        return self.user_now(user_id)

    def user_now(self, user_id: int) -> Principal | None:
        """As ``user``, asked of the database at once."""
        now = self._clock.now().timestamp()
        principal = self._ask(user_id)
        with self._lock:
            if len(self._seen) >= _KEPT:
                self._seen.clear()
            self._seen[user_id] = (now, principal)
        return principal

    def _ask(self, user_id: int) -> Principal | None:
        for row in self._db.rows(_BY_ID, {"user_id": user_id}):
            return Principal(
                kind=PrincipalKind.USER, id=user_id, name=row.username, sysadmin=row.sysadmin, version=row.version
            )
        return None


_BY_ID = sa.select(User.username, User.sysadmin, User.version).where(
    User.id == sa.bindparam("user_id"), User.disabled.is_(sa.false()), User.deleted.is_(sa.false())
)
