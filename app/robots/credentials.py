"""How robots prove themselves: generated secrets, kept as keyed hashes, and what authentication asks about robots."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from app.access.principals import Principal, PrincipalKind
from app.configuration.keys import ROBOT_NAME_PREFIX
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.core.crypto import Keys, random_password, same
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


class RobotCredentials:
    """The robots as ``identity`` asks for them, for one process."""

    def __init__(self, ports: Ports) -> None:
        """Answer from the database of ``ports``."""
        self._ports = ports

    def by_secret(self, name: str, secret: str) -> Principal | None:
        """The robot of this full name when the secret is its own, or its last one within the grace period."""
        prefix = self._prefix_now()
        if not name.startswith(prefix):
            return None
        stored_name = name.removeprefix(prefix)
        rows = self._ports.db.rows(_BY_NAME, {"name": stored_name})
        if not rows:
            return None
        presented, row = self._ports.keys.keyed_hashes(_PURPOSE, stored_name, secret), rows[0]
        if any(same(each, row.secret_hash) for each in presented):
            return replace(_principal(rows, prefix), secret_hash=row.secret_hash)
        until = row.previous_secret_until
        if row.previous_secret_hash is None or until is None or until <= self._ports.clock.now():
            return None
        if not any(same(each, row.previous_secret_hash) for each in presented):
            return None
        return replace(_principal(rows, prefix), secret_hash=row.previous_secret_hash)

    def by_id(self, robot_id: int) -> Principal | None:
        """The robot with its grants as they are now; None when it is disabled or gone."""
        rows = self._ports.db.rows(_BY_ID, {"robot_id": robot_id})
        return _principal(rows, self._prefix_now()) if rows else None

    def _prefix_now(self) -> str:
        return ConfigurationService(Context(self._ports)).recent(ROBOT_NAME_PREFIX)


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
