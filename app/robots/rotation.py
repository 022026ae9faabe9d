"""Another secret for a robot, with a time in which the one before is good too."""

from datetime import timedelta

from app.access.principals import PrincipalKind
from app.configuration.keys import ROBOT_NAME_PREFIX
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.crypto import same
from app.core.errors import FieldInvalid, RobotDenied
from app.db.database import retried
from app.events.management import RobotUpdated
from app.identity import known_logins
from app.identity.passwords import check_rules
from app.robots import listing
from app.robots.credentials import hashed, new_secret
from app.robots.granting import require_held
from app.robots.rights import editable, locked, placed

_LONGEST_GRACE = 30 * 86_400


class SecretRotation:
    """Rotates secrets in the name of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @retried()
    def refresh(self, robot_id: int, secret: str = "", *, grace: int = 0) -> str | None:
        """Give a robot another secret; a generated one is returned, None for one that the caller chose.

        The secret before stays valid for ``grace`` seconds, and tokens made with it stay what they are; without grace
        it ends at once, and they do within five seconds. A robot may do this to itself with the secret that is its own
        at this moment, not with the one before. FieldInvalid for a secret that breaks the rules of passwords and for a
        grace period over thirty days, RobotDenied for a robot that cannot be edited or holds more than the caller.
        """
        principal = self._ctx.principal
        itself = (principal.kind, principal.id) == (PrincipalKind.ROBOT, robot_id)
        if not itself:
            placed(self._ctx, robot_id, "update")
        if not 0 <= grace <= _LONGEST_GRACE:
            raise FieldInvalid("grace_period", f"a number of seconds from 0 to {_LONGEST_GRACE}")
        if secret:
            check_rules(secret, "secret")
        chosen, now = secret or new_secret(), self._ctx.ports.clock.now()
        with self._ctx.write() as session:
            robot = editable(locked(session, robot_id))
            if not itself:
                require_held(session, principal, listing.grants_by_robot(session, [robot_id]).get(robot_id, []))
            if itself and (robot.disabled or not same(principal.secret_hash, robot.secret_hash)):
                raise RobotDenied("a robot account can change its secret only with the one that is valid now")
            robot.previous_secret_hash = robot.secret_hash if grace else None
            robot.previous_secret_until = now + timedelta(seconds=grace) if grace else None
            robot.secret_hash = hashed(self._ctx.ports.keys, robot.name, chosen)
            robot.version += 0 if grace else 1
            robot.update_time = now
            name = ConfigurationService(self._ctx).value(ROBOT_NAME_PREFIX) + robot.name
            known_logins.remember(session, self._ctx.ports, name, chosen)
            self._ctx.emit(RobotUpdated(project_id=robot.project_id or 0, robot_id=robot.id, name=name, what="secret"))
        return None if secret else chosen
