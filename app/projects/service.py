"""Projects: create, look up, list, delete."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import may_in_system
from app.access.principals import PrincipalKind
from app.access.roles import Role
from app.configuration.keys import PROJECT_CREATION_RESTRICTION
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.errors import (
    ConflictError,
    DeniedError,
    FieldInvalid,
    InternalError,
    PreconditionError,
    UnauthenticatedError,
)
from app.core.paging import Listed
from app.core.query import ListQuery
from app.core.reference import is_project_name
from app.db.database import retried
from app.events.management import ProjectCreated, ProjectDeleted
from app.identity import directory
from app.projects import listing, metadata
from app.projects.models import Project, ProjectMember, ProjectMetadata
from app.projects.rights import ProjectRef, find_project, require
from app.projects.views import ProjectView

LIBRARY = "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProject:
    """A project to be."""

    name: str
    settings: Mapping[str, str] = field(default_factory=dict)
    """Metadata as on the wire; without ``public`` the project is private."""


class ProjectService:
    """The use cases of projects, in the name of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @retried()
    def create(self, project: NewProject) -> ProjectRef:
        """Create a project whose first administrator is its creator.

        UnauthenticatedError, DeniedError when projects are the administrators' to create, FieldInvalid for a name or
        setting outside its grammar, ConflictError when the name is taken.
        """
        self._require_may_create()
        if not is_project_name(project.name):
            raise FieldInvalid(
                "project_name", "1 to 255 lower-case letters, digits and single separators '.', '_' or '-' between them"
            )
        stored = metadata.checked(project.settings)
        with self._ctx.write() as session:
            if find_project(session, project.name) is not None:
                raise ConflictError(f"The project named {project.name} already exists")
            return self._insert(session, project.name, stored, self._owner(session))

    def ensure_library(self, owner_id: int) -> ProjectRef:
        """Make the public project ``library`` when it is absent; for the product's first start."""
        with self._ctx.write() as session:
            known = find_project(session, LIBRARY)
            return known or self._insert(session, LIBRARY, {metadata.PUBLIC: "true"}, owner_id)

    def find(self, key: str | int) -> ProjectView:
        """The project of this name or id; refused as ``rights.require`` says to who may not read it."""
        project = require(self._ctx, key, "project", "read")
        with self._ctx.read() as session:
            return listing.view_of(session, self._ctx.principal, project.id)

    def exists(self, name: str) -> bool:
        """Tell whether a project of this name exists; UnauthenticatedError for nobody."""
        if not self._ctx.principal.authenticated:
            raise UnauthenticatedError
        with self._ctx.read() as session:
            return find_project(session, name) is not None

    def list(self, query: ListQuery, *, detailed: bool = True) -> Listed[ProjectView]:
        """The projects the caller may see: public ones, own ones, all for an administrator; in five queries."""
        with self._ctx.read() as session:
            return listing.visible(session, self._ctx.principal, query, detailed=detailed)

    @retried()
    def delete(self, key: str | int) -> None:
        """Delete a project that holds no repository; PreconditionError with their number when it does.

        ReadOnly and UnavailableError by the write gate: blobs without a manifest may go with it.
        """
        project = require(self._ctx, key, "project", "delete")
        with self._ctx.write_content() as session:
            count = session.execute(
                sa.select(Project.repo_count).where(Project.id == project.id).with_for_update()
            ).scalar_one_or_none()
            if count is None:
                return
            if count:
                raise PreconditionError(f"the project contains {count} repositories, can not be deleted")
            self._ctx.emit(ProjectDeleted(project_id=project.id, name=project.name))
            members = session.execute(_MEMBERS, {"project_id": project.id}).scalars().all()
            directory.revoke_tokens(session, members)
            session.execute(sa.delete(Project).where(Project.id == project.id))

    def _require_may_create(self) -> None:
        principal = self._ctx.principal
        if not principal.authenticated:
            raise UnauthenticatedError
        if may_in_system(principal, "project", "create"):
            return
        if principal.kind is PrincipalKind.ROBOT:
            raise DeniedError("Only system level robot can create project")
        if ConfigurationService(self._ctx).text(PROJECT_CREATION_RESTRICTION) != "everyone":
            raise DeniedError("Only system admin can create project")

    def _owner(self, session: Session) -> int:
        principal = self._ctx.principal
        owner = principal.id if principal.kind is PrincipalKind.USER else directory.first_administrator(session)
        if owner is None:
            raise InternalError("there is no administrator to own the project")
        return owner

    def _insert(self, session: Session, name: str, settings: Mapping[str, str], owner_id: int) -> ProjectRef:
        now = self._ctx.ports.clock.now()
        public = metadata.is_true(settings.get(metadata.PUBLIC))
        project = Project(name=name, owner_id=owner_id, public=public, creation_time=now, update_time=now)
        session.add(project)
        session.flush()
        session.add_all(
            ProjectMetadata(project_id=project.id, name=key, value=value)
            for key, value in settings.items()
            if key != metadata.PUBLIC
        )
        session.add(
            ProjectMember(
                project_id=project.id,
                entity_type="u",
                entity_id=owner_id,
                role=Role.PROJECT_ADMIN,
                creation_time=now,
                update_time=now,
            )
        )
        self._ctx.emit(ProjectCreated(project_id=project.id, name=name))
        return ProjectRef(id=project.id, name=name, public=public, owner_id=owner_id)


_MEMBERS = sa.select(ProjectMember.entity_id).where(
    ProjectMember.project_id == sa.bindparam("project_id"), ProjectMember.entity_type == "u"
)
