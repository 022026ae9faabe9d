"""The use cases of projects: create, show, list, update, delete."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.decision import may_in_system, require_authenticated
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
    UnsupportedError,
)
from app.core.paging import Listed
from app.core.query import ListQuery
from app.core.reference import is_project_name
from app.db.database import retried
from app.events.management import ProjectCreated, ProjectDeleted
from app.identity import people
from app.projects import allowlist, listing, members, metadata, metadata_keys, quotas
from app.projects.candidates import GROUP, USER
from app.projects.models import Project, ProjectMember
from app.projects.results import Deletable, ProjectSummary, ProjectView, StorageUse
from app.projects.rights import ProjectRef, may, project_or_none, require_in_project

LIBRARY = "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProject:
    """A project to create."""

    name: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    """In the form of the API; without ``public`` the project is private."""
    cve_allowlist: Mapping[str, Any] = field(default_factory=dict)
    """The CVE allowlist as loaded from the request."""
    storage_limit: int | None = None
    """Bytes, -1 for no limit, None or 0 for the default."""
    registry_id: int | None = None
    """The registry endpoint that a proxy cache project would mirror."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChange:
    """A change of a project."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    """In the form of the API; keys that are not named are kept."""
    cve_allowlist: Mapping[str, Any] | None = None
    """The CVE allowlist as loaded from the request, None to keep it."""


class ProjectService:
    """The use cases of projects, in the name of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    @retried()
    def create(self, project: NewProject) -> ProjectRef:
        """Create a project and make the caller its administrator.

        Raises UnauthenticatedError, DeniedError when only administrators may create projects, FieldInvalid for an
        invalid name, key, list or limit, ConflictError when the name is taken, UnsupportedError for a proxy cache.
        """
        self._require_may_create(project)
        if not is_project_name(project.name):
            raise FieldInvalid(
                "project_name", "1 to 255 lower-case letters, digits and single separators '.', '_' or '-' between them"
            )
        given = metadata_keys.normalise(project.metadata, {})
        content = allowlist.parse(project.cve_allowlist, 0)
        limit = quotas.limit_of_new_project(self._ctx, project.storage_limit)
        with self._ctx.write() as session:
            if project_or_none(session, project.name) is not None:
                raise ConflictError(f"The project named {project.name} already exists")
            created = self._insert(project.name, given, self._owner(session), limit)
            allowlist.insert_for(session, created.id, content, self._ctx.ports.clock.now())
            return created

    def ensure_library(self, owner_id: int) -> ProjectRef:
        """Return the project ``library``; create it, public, when it does not exist, at the first start."""
        with self._ctx.write() as session:
            existing = project_or_none(session, LIBRARY)
            limit = quotas.limit_of_new_project(self._ctx, None)
            return existing or self._insert(LIBRARY, {metadata_keys.PUBLIC: "true"}, owner_id, limit)

    def find(self, key: str | int) -> ProjectView:
        """Return the project of this name or id; raise as ``rights.require_in_project`` does."""
        project = require_in_project(self._ctx, key, "project", "read")
        return listing.view_of(self._ctx, project.id)

    def exists(self, name: str) -> bool:
        """Tell whether a project of this name exists; raise UnauthenticatedError for an anonymous caller."""
        require_authenticated(self._ctx.principal)
        with self._ctx.read() as session:
            return project_or_none(session, name) is not None

    def list(self, query: ListQuery, *, detailed: bool = True) -> Listed[ProjectView]:
        """Return a page of the projects that the caller may see, in three queries."""
        return listing.list_visible(self._ctx, query, detailed=detailed)

    def summary(self, key: str | int) -> ProjectSummary:
        """Return the project's counters and quota as far as the caller may see them; raise as ``find`` does."""
        project = require_in_project(self._ctx, key, "project", "read")
        with self._ctx.read() as session:
            row = session.execute(_NUMBERS, {"project": project.id}).one()
            held = [may(session, self._ctx.principal, project, *right) for right in _SUMMARY_RIGHTS]
            counts = members.count_by_role(session, project.id) if held[0] else {}
        by_role = {f"{role.name.lower()}_count": count for role, count in counts.items()}
        quota = StorageUse(limit=row.storage_limit, used=row.storage_used) if held[1] else None
        return ProjectSummary(repo_count=row.repo_count, quota=quota, **by_role)

    def deletable(self, key: str | int) -> Deletable:
        """Tell whether ``delete`` would succeed now; raise as ``delete`` does for a missing right."""
        project = require_in_project(self._ctx, key, "project", "delete")
        count = self._ctx.rows(_NUMBERS, {"project": project.id})[0].repo_count
        return Deletable(deletable=not count, message=_repositories_left(count) if count else "")

    @retried()
    def update(self, key: str | int, change: ProjectChange) -> None:
        """Change metadata and the CVE allowlist in one transaction.

        Raises as ``rights.require_in_project`` does, and FieldInvalid for an invalid key or list.
        """
        project = require_in_project(self._ctx, key, "project", "update")
        content = None if change.cve_allowlist is None else allowlist.parse(change.cve_allowlist, project.id)
        with self._ctx.write() as session:
            before = metadata.lock(self._ctx, project)
            normalised = metadata_keys.normalise(change.metadata, before)
            metadata.change(self._ctx, project, before, normalised)
            if content is not None:
                allowlist.store(session, project.id, content, self._ctx.ports.clock.now())

    @retried()
    def delete(self, key: str | int) -> None:
        """Delete a project without repositories; raise PreconditionError with their number when it has any.

        Raises ReadOnly or UnavailableError while the write gate is closed, as blobs without a manifest may be
        deleted with the project.
        """
        project = require_in_project(self._ctx, key, "project", "delete")
        with self._ctx.write_content() as session:
            count = session.execute(
                sa.select(Project.repo_count).where(Project.id == project.id).with_for_update()
            ).scalar_one_or_none()
            if count is None:
                return
            if count:
                raise PreconditionError(_repositories_left(count))
            self._ctx.emit(ProjectDeleted(project_id=project.id, name=project.name))
            self._revoke_tokens(session, project)
            session.execute(sa.delete(Project).where(Project.id == project.id))

    @staticmethod
    def _revoke_tokens(session: Session, project: ProjectRef) -> None:
        members_of_project = session.execute(_MEMBERS, {"project": project.id}).all()
        people.revoke_tokens(session, [row.entity_id for row in members_of_project if row.entity_type == USER])
        for group in (row.entity_id for row in members_of_project if row.entity_type == GROUP):
            people.revoke_tokens_of_group(session, group)

    def _require_may_create(self, project: NewProject) -> None:
        principal = self._ctx.principal
        require_authenticated(principal)
        if may_in_system(principal, "project", "create"):
            if project.registry_id is not None:
                raise UnsupportedError("proxy cache projects are not available")
            return
        if principal.kind is PrincipalKind.ROBOT:
            raise DeniedError("Only system level robot can create project")
        if ConfigurationService(self._ctx).value(PROJECT_CREATION_RESTRICTION) != "everyone":
            raise DeniedError("Only system admin can create project")
        if project.registry_id is not None:
            raise DeniedError("Only system admin can create proxy cache project")

    def _owner(self, session: Session) -> int:
        principal = self._ctx.principal
        owner = principal.id if principal.kind is PrincipalKind.USER else people.first_administrator_id_or_none(session)
        if owner is None:
            raise InternalError("there is no administrator to own the project")
        return owner

    def _insert(self, name: str, given: Mapping[str, str], owner_id: int, limit: int) -> ProjectRef:
        now = self._ctx.ports.clock.now()
        times = {"creation_time": now, "update_time": now}
        public = metadata_keys.is_true(given.get(metadata_keys.PUBLIC))
        row = {"name": name, "owner_id": owner_id, "public": public, "storage_limit": limit}
        with self._ctx.write() as session:
            project_id: int = session.execute(_NEW, row | times).scalar_one()
            own = {key: value for key, value in given.items() if key != metadata_keys.PUBLIC}
            metadata.insert(session, project_id, own)
            session.execute(_NEW_MEMBER, {"project_id": project_id, "entity_id": owner_id, "owner": owner_id} | times)
            self._ctx.emit(ProjectCreated(project_id=project_id, name=name))
            return ProjectRef(id=project_id, name=name, public=public, owner_id=owner_id)


def _repositories_left(count: int) -> str:
    return f"the project contains {count} repositories, can not be deleted"


_SUMMARY_RIGHTS = (("member", "list"), ("quota", "read"))
_PROJECT = cast("sa.Table", Project.__table__)
_NEW = sa.insert(_PROJECT).values(repo_count=0, storage_used=0).returning(_PROJECT.c.id)
_NEW_MEMBER = sa.insert(cast("sa.Table", ProjectMember.__table__)).values(
    entity_type=USER, entity_name=people.name_of(sa.bindparam("owner")), role=int(Role.PROJECT_ADMIN)
)
_NUMBERS = sa.select(Project.repo_count, Project.storage_limit, Project.storage_used).where(
    Project.id == sa.bindparam("project")
)
_MEMBERS = sa.select(ProjectMember.entity_type, ProjectMember.entity_id).where(
    ProjectMember.project_id == sa.bindparam("project")
)
