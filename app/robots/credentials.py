"""The secrets of robots: generating, storing as keyed hashes, verifying, and replacing with a grace period."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa

from app.access.principals import Principal, PrincipalKind
from app.configuration.keys import ROBOT_NAME_PREFIX
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.core.crypto import Keys, random_password, same
from app.core.errors import FieldInvalid, RobotDenied
from app.db.database import retried
from app.events.management import RobotUpdated
from app.identity import known_logins
from app.identity.passwords import require_password_rules
from app.identity.sources.source import Attempt
from app.robots import rows
from app.robots.models import Robot, RobotPermission
from app.robots.rights import require_editable, require_held, require_on_robot
from app.robots.rules import NEVER

_SECRET_LENGTH = 32
_PURPOSE = "robot-secret"
_LONGEST_GRACE = 30 * 86_400


def new_secret() -> str:
    """Return a new secret of 190 bits that also satisfies the password rules."""
    return random_password(_SECRET_LENGTH)


def hash_secret(keys: Keys, stored_name: str, secret: str) -> str:
    """Return the keyed hash to store for a robot's secret."""
    return keys.keyed_hash(_PURPOSE, stored_name, secret)


class RobotSource:
    """The identity source ``robots``, for one process."""

    name: Final = "robots"
    kind: Final = PrincipalKind.ROBOT
    compares_anew: Final = True

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    def reserves(self, name: str) -> bool:
        """Tell whether the name begins with the prefix of robots' names."""
        return name.startswith(self._prefix_now())

    def verify(self, attempt: Attempt) -> Principal | None:
        """Return the robot with this secret, or with this previous secret in its grace period, None otherwise."""
        prefix = self._prefix_now()
        if not attempt.name.startswith(prefix):
            return None
        stored_name = attempt.name.removeprefix(prefix)
        rows = Context(self._ports).prepared_rows(_BY_NAME, {"name": stored_name})
        if not rows:
            return None
        presented, row = self._ports.keys.keyed_hashes(_PURPOSE, stored_name, attempt.password), rows[0]
        valid = row.secret_hash if _one_of(presented, row.secret_hash) else self._previous_hash_or_none(row, presented)
        robot = None if valid is None else replace(_principal(rows, prefix), secret_hash=valid)
        return None if robot is None or robot.ended(self._ports.clock.now().timestamp()) else robot

    def by_id(self, principal_id: int) -> Principal | None:
        """Return the robot with its current grants, None when it is disabled or deleted."""
        rows = Context(self._ports).prepared_rows(_BY_ID, {"robot_id": principal_id})
        return _principal(rows, self._prefix_now()) if rows else None

    def _previous_hash_or_none(self, row: sa.Row[Any], presented: Sequence[str]) -> str | None:
        """Return the hash of the previous secret if it is presented within its grace period, else None."""
        previous: str | None = row.previous_secret_hash
        until = row.previous_secret_until
        in_grace = previous is not None and until is not None and until > self._ports.clock.now()
        return previous if previous is not None and in_grace and _one_of(presented, previous) else None

    def _prefix_now(self) -> str:
        return ConfigurationService(Context(self._ports)).recent(ROBOT_NAME_PREFIX)


class SecretRotation:
    """The use case of replacing a robot's secret, in the name of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @retried()
    def refresh(self, robot_id: int, secret: str = "", *, grace: int = 0) -> str | None:
        """Replace a robot's secret; return the generated secret, None for one that the caller chose.

        The previous secret stays valid for ``grace`` seconds, and tokens issued with it are kept; without grace the
        secret ends at once, and its tokens within five seconds. A robot may replace its own secret when it logged in
        with the current one, not with the previous one. Raises FieldInvalid for a secret outside the password rules
        and for a grace period over thirty days, RobotDenied for a robot that cannot be edited or has more rights than
        the caller.
        """
        principal = self._ctx.principal
        itself = (principal.kind, principal.id) == (PrincipalKind.ROBOT, robot_id)
        if not itself:
            require_on_robot(self._ctx, robot_id, "update")
        if not 0 <= grace <= _LONGEST_GRACE:
            raise FieldInvalid("grace_period", f"a number of seconds from 0 to {_LONGEST_GRACE}")
        if secret:
            require_password_rules(secret, "secret")
        chosen, now = secret or new_secret(), self._ctx.ports.clock.now()
        with self._ctx.write() as session:
            robot = require_editable(rows.require_locked(session, robot_id))
            if not itself:
                require_held(session, principal, rows.grants_by_robot(session, [robot_id]).get(robot_id, []))
            if itself and (robot.disabled or not same(principal.secret_hash, robot.secret_hash)):
                raise RobotDenied("a robot account can change its secret only with the one that is valid now")
            robot.previous_secret_hash = robot.secret_hash if grace else None
            robot.previous_secret_until = now + timedelta(seconds=grace) if grace else None
            robot.secret_hash = hash_secret(self._ctx.ports.keys, robot.name, chosen)
            robot.version += 0 if grace else 1
            robot.update_time = now
            name = ConfigurationService(self._ctx).value(ROBOT_NAME_PREFIX) + robot.name
            known_logins.remember(session, self._ctx.ports.start_key, name, chosen)
            self._ctx.emit(RobotUpdated(project_id=robot.project_id or 0, robot_id=robot.id, name=name, what="secret"))
        return None if secret else chosen


def _one_of(presented: Sequence[str], stored: str) -> bool:
    return any(same(candidate, stored) for candidate in presented)


def _principal(rows: Sequence[Any], prefix: str) -> Principal:
    row = rows[0]
    return Principal(
        kind=PrincipalKind.ROBOT,
        id=row.id,
        name=prefix + row.name,
        version=row.version,
        grants=frozenset((held.namespace, held.resource, held.action) for held in rows if held.namespace is not None),
        project_id=row.project_id,
        expires_at=None if row.expires_at == NEVER else float(row.expires_at),
    )


_ROWS = (
    sa.select(
        Robot.id,
        Robot.name,
        Robot.project_id,
        Robot.version,
        Robot.expires_at,
        Robot.secret_hash,
        Robot.previous_secret_hash,
        Robot.previous_secret_until,
        RobotPermission.namespace,
        RobotPermission.resource,
        RobotPermission.action,
    )
    .join(RobotPermission, RobotPermission.robot_id == Robot.id, isouter=True)
    .where(Robot.disabled.is_(sa.false()))
)
_BY_NAME = _ROWS.where(Robot.name == sa.bindparam("name"))
_BY_ID = _ROWS.where(Robot.id == sa.bindparam("robot_id"))
