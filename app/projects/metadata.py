"""The metadata of projects: the use cases for single keys, and the rows."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.context import Context
from app.core.errors import ConflictError, FieldInvalid, NotFoundError, ProjectUnknown
from app.db.database import retried
from app.events.management import ProjectUpdated
from app.projects import metadata_keys
from app.projects.metadata_keys import PUBLIC, RETENTION_ID
from app.projects.models import Project, ProjectMetadata
from app.projects.rights import ProjectRef, require_in_project


class MetadataService:
    """The use cases of a project's metadata, in the name of the context's principal.

    Methods raise as ``rights.require_in_project`` does.
    """

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def all(self, project_key: str | int) -> Mapping[str, str]:
        """Return all metadata of the project, always with ``public``."""
        return read(self._ctx, require_in_project(self._ctx, project_key, "metadata", "list").id)

    def get(self, project_key: str | int, name: str) -> Mapping[str, str]:
        """Return one key with its value, an empty mapping without it, as clients ask before they set a key."""
        project = require_in_project(self._ctx, project_key, "metadata", "read")
        metadata = read(self._ctx, project.id)
        return {name: metadata[name]} if name in metadata else {}

    @retried()
    def add(self, project_key: str | int, given: Mapping[str, str]) -> None:
        """Add a key; raise as ``normalise_pair`` does, and ConflictError when the project has the key already."""
        project = require_in_project(self._ctx, project_key, "metadata", "create")
        with self._ctx.write():
            before = lock(self._ctx, project)
            name, value = metadata_keys.normalise_pair(given, before)
            if name in before:
                raise ConflictError(f"metadata {name} of project {project.name} already exists")
            change(self._ctx, project, before, {name: value})

    @retried()
    def update(self, project_key: str | int, name: str, given: Mapping[str, str]) -> None:
        """Set the value of a key, whether or not the project has it.

        Raises as ``normalise_pair`` does, and FieldInvalid when the pair has another key.
        """
        project = require_in_project(self._ctx, project_key, "metadata", "update")
        with self._ctx.write():
            before = lock(self._ctx, project)
            if given.keys() != {name}:
                raise FieldInvalid("metadata", f"exactly one pair, whose key is {name[:100]!r}")
            change(self._ctx, project, before, dict([metadata_keys.normalise_pair(given, before)]))

    @retried()
    def delete(self, project_key: str | int, name: str) -> None:
        """Delete a key; without ``public`` the project is private.

        Raises NotFoundError when the project does not have it, FieldInvalid for ``retention_id``, which only the
        server sets.
        """
        project = require_in_project(self._ctx, project_key, "metadata", "delete")
        with self._ctx.write():
            before = lock(self._ctx, project)
            _require_key(before, name)
            if name == RETENTION_ID:
                raise FieldInvalid(name, "left as it is: it goes with the project's retention policy")
            if name == PUBLIC:
                change(self._ctx, project, before, {PUBLIC: "false"})
            else:
                change(self._ctx, project, before, {}, removed=[name])


def read(ctx: Context, project_id: int) -> dict[str, str]:
    """Return the project's metadata by key, with ``public``; raise ProjectUnknown when the project is gone."""
    rows = ctx.rows(_STORED, {"project": project_id})
    if not rows:
        raise ProjectUnknown(f"project {project_id} not found")
    own = {row.name: row.value for row in rows if row.name is not None}
    return {PUBLIC: "true" if rows[0].public else "false", **own}


def lock(ctx: Context, project: ProjectRef) -> dict[str, str]:
    """Lock the project until the open writing transaction ends, and return its metadata as ``read`` does."""
    with ctx.write() as session:
        session.execute(_LOCK, {"project": project.id})
        return read(ctx, project.id)


def change(
    ctx: Context,
    project: ProjectRef,
    before: Mapping[str, str],
    metadata: Mapping[str, str],
    *,
    removed: Collection[str] = (),
) -> None:
    """Set checked ``metadata`` and delete the keys ``removed`` in the open transaction; ``before`` is from ``lock``."""
    now = ctx.ports.clock.now()
    changed = {name: value for name, value in metadata.items() if before.get(name) != value}
    with ctx.write() as session:
        if PUBLIC in changed:
            touch(session, project.id, now, public=metadata_keys.is_true(changed.pop(PUBLIC)))
        else:
            touch(session, project.id, now)
        for name in [*removed, *(name for name in changed if name in before)]:
            session.execute(_DROP, {"project": project.id, "key": name})
        insert(session, project.id, changed)
        ctx.emit(ProjectUpdated(project_id=project.id, name=project.name))


def insert(session: Session, project_id: int, metadata: Mapping[str, str]) -> None:
    """Insert keys that the project does not have, except ``public``, in the open transaction."""
    rows = [{"project_id": project_id, "name": name, "value": value} for name, value in metadata.items()]
    if rows:
        session.execute(_NEW, rows)


def touch(session: Session, project_id: int, now: datetime, **columns: object) -> None:
    """Set the project's update time and ``columns`` in the open transaction."""
    statement = sa.update(_PROJECT).where(_PROJECT.c.id == project_id).values(update_time=now, **columns)
    session.execute(statement)


def _require_key(metadata: Mapping[str, str], name: str) -> None:
    if name not in metadata:
        raise NotFoundError(f"metadata {name[:100]} not found")


_PROJECT: Final = cast("sa.Table", Project.__table__)
_METADATA: Final = cast("sa.Table", ProjectMetadata.__table__)
_LOCK = sa.select(_PROJECT.c.id).where(_PROJECT.c.id == sa.bindparam("project")).with_for_update(key_share=True)
_STORED = (
    sa.select(Project.public, ProjectMetadata.name, ProjectMetadata.value)
    .outerjoin(ProjectMetadata, ProjectMetadata.project_id == Project.id)
    .where(Project.id == sa.bindparam("project"))
)
_NEW = sa.insert(_METADATA)
_DROP = sa.delete(_METADATA).where(
    _METADATA.c.project_id == sa.bindparam("project"), _METADATA.c.name == sa.bindparam("key")
)
