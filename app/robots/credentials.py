"""How robots prove themselves: generated secrets, kept as keyed hashes, and what authentication asks about robots."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import sqlalchemy as sa

from app.access.principals import Principal, PrincipalKind
from app.configuration.keys import ROBOT_NAME_PREFIX
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.core.crypto import Keys, random_password, same
from app.identity.sources.source import Attempt
from app.identity.standing import FRESH_SECONDS
from app.robots.lifetime import NEVER
from app.robots.models import Robot, RobotPermission

_SECRET_LENGTH = 32
_PURPOSE = "robot-secret"


def new_secret() -> str:
    """A secret of 190 bits that satisfies the rules of passwords too."""
    return random_password(_SECRET_LENGTH)


def hashed(keys: Keys, stored_name: str, secret: str) -> str:
    """What is kept of a robot's secret."""
    return keys.keyed_hash(_PURPOSE, stored_name, secret)


class RobotSource:
    """The identity source ``robots``, for one process; the name prefix is read every five seconds."""

    name: Final = "robots"
    kind: Final = PrincipalKind.ROBOT
    compares_anew: Final = True

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._prefix = (0.0, "")

    def reserves(self, name: str) -> bool:
        """Tell whether the name begins as the full names of robots do."""
        return name.startswith(self._prefix_now())

    def verify(self, attempt: Attempt) -> Principal | None:
        """Return the robot whose secret this is, or whose last one within the grace period; one keyed hash."""
        prefix = self._prefix_now()
        if not attempt.name.startswith(prefix):
            return None
        stored_name = attempt.name.removeprefix(prefix)
        rows = self._ports.db.rows(_BY_NAME, {"name": stored_name})
        if not rows:
            return None
        presented, row = self._ports.keys.keyed_hashes(_PURPOSE, stored_name, attempt.password), rows[0]
        valid = row.secret_hash if _one_of(presented, row.secret_hash) else self._previous(row, presented)
        robot = None if valid is None else replace(_principal(rows, prefix), secret_hash=valid)
        return None if robot is None or robot.ended(self._ports.clock.now().timestamp()) else robot

    def by_id(self, principal_id: int) -> Principal | None:
        """Return the robot with its grants as they are now."""
        rows = self._ports.db.rows(_BY_ID, {"robot_id": principal_id})
        return _principal(rows, self._prefix_now()) if rows else None

    def _previous(self, row: sa.Row[Any], presented: Sequence[str]) -> str | None:
        """The hash of the secret before, when it is the one presented and its grace period lasts."""
        previous: str | None = row.previous_secret_hash
        until = row.previous_secret_until
        in_grace = previous is not None and until is not None and until > self._ports.clock.now()
        return previous if previous is not None and in_grace and _one_of(presented, previous) else None

    def _prefix_now(self) -> str:
        now = self._ports.clock.now().timestamp()
        read_at, prefix = self._prefix
        if not prefix or not 0 <= now - read_at < FRESH_SECONDS:
            prefix = ConfigurationService(Context(self._ports)).text(ROBOT_NAME_PREFIX)
            self._prefix = (now, prefix)
        return prefix


def _one_of(presented: Sequence[str], stored: str) -> bool:
    return any(same(one, stored) for one in presented)


def _principal(rows: Sequence[Any], prefix: str) -> Principal:
    row = rows[0]
    return Principal(
        kind=PrincipalKind.ROBOT,
        id=row.id,
        name=prefix + row.name,
        version=row.version,
        grants=frozenset((each.namespace, each.resource, each.action) for each in rows if each.namespace is not None),
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
