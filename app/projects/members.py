"""Members of projects: users with a role. Every change makes the member's tokens stop within seconds."""

import sqlalchemy as sa

from app.access.roles import POWER, Role
from app.context import Context
from app.core.errors import ConflictError, FieldInvalid, NotFoundError
from app.db.database import retried
from app.identity import directory
from app.projects.models import ProjectMember
from app.projects.rights import require


class MemberService:
    """The use cases of project members, in the name of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @retried()
    def add(self, project_key: str | int, user_id: int, role: Role) -> int:
        """Give a user a role in the project and return the membership's id.

        FieldInvalid for a role that cannot be given or an unknown user, ConflictError when the user has one already.
        """
        project = require(self._ctx, project_key, "member", "create")
        if role not in POWER:
            raise FieldInvalid("role_id", "one of 1, 2, 3, 4, 5")
        now = self._ctx.ports.clock.now()
        with self._ctx.write() as session:
            if not directory.exists(session, user_id):
                raise FieldInvalid("user_id", "that of a user")
            known = sa.select(ProjectMember.id).where(
                ProjectMember.project_id == project.id,
                ProjectMember.entity_type == "u",
                ProjectMember.entity_id == user_id,
            )
            if session.execute(known).scalar_one_or_none() is not None:
                raise ConflictError("the user is a member of the project already")
            member = ProjectMember(
                project_id=project.id,
                entity_type="u",
                entity_id=user_id,
                role=role,
                creation_time=now,
                update_time=now,
            )
            session.add(member)
            session.flush()
            directory.revoke_tokens(session, [user_id])
            return member.id

    @retried()
    def remove(self, project_key: str | int, member_id: int) -> None:
        """End a membership; NotFoundError when the project has no such member."""
        project = require(self._ctx, project_key, "member", "delete")
        with self._ctx.write() as session:
            statement = sa.delete(ProjectMember).where(
                ProjectMember.id == member_id, ProjectMember.project_id == project.id
            )
            gone = session.execute(
                statement.returning(ProjectMember.entity_type, ProjectMember.entity_id).execution_options(
                    synchronize_session=False
                )
            ).one_or_none()
            if gone is None:
                raise NotFoundError(f"project member {member_id} not found")
            if gone.entity_type == "u":
                directory.revoke_tokens(session, [gone.entity_id])
