"""The settings of projects, one at a time, and what a change of them sets off."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final, cast

import sqlalchemy as sa

from app.context import Context
from app.core.errors import ConflictError, FieldInvalid, NotFoundError, ProjectUnknown
from app.db.database import retried
from app.events.management import ProjectUpdated
from app.projects import metadata
from app.projects.metadata import PUBLIC, RETENTION_ID
from app.projects.models import Project, ProjectMetadata
from app.projects.rights import ProjectRef, require


class SettingService:
    """The use cases of a project's settings, in the name of the context's principal. Refused as ``rights.require``."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def all(self, project_key: str | int) -> Mapping[str, str]:
        """All settings of the project; ``public`` is always among them."""
        return stored(self._ctx, require(self._ctx, project_key, "metadata", "list").id)

    def get(self, project_key: str | int, name: str) -> Mapping[str, str]:
        """One setting; nothing when the project has none of this name, as clients ask before they set."""
        project = require(self._ctx, project_key, "metadata", "read")
        settings = stored(self._ctx, project.id)
        return {name: settings[name]} if name in settings else {}

    @retried()
    def add(self, project_key: str | int, given: Mapping[str, str]) -> None:
        """Give the project one setting more; errors as ``metadata.pair``, ConflictError when it has it already."""
        project = require(self._ctx, project_key, "metadata", "create")
        with self._ctx.write():
            before = locked(self._ctx, project)
            name, value = metadata.pair(given, before)
            if name in before:
                raise ConflictError(f"metadata {name} of project {project.name} already exists")
            change(self._ctx, project, before, {name: value})

    @retried()
    def update(self, project_key: str | int, name: str, given: Mapping[str, str]) -> None:
        """Give one setting another value, also when the project does not have it yet.

        Errors as ``metadata.pair``; FieldInvalid when the pair is another setting's.
        """
        project = require(self._ctx, project_key, "metadata", "update")
        with self._ctx.write():
            before = locked(self._ctx, project)
            if given.keys() != {name}:
                raise FieldInvalid("metadata", f"exactly one pair, whose key is {name[:100]!r}")
            change(self._ctx, project, before, dict([metadata.pair(given, before)]))

    @retried()
    def delete(self, project_key: str | int, name: str) -> None:
        """Take a setting from the project; without ``public`` it is private.

        NotFoundError when the project has none of this name, FieldInvalid for the one that is the server's.
        """
        project = require(self._ctx, project_key, "metadata", "delete")
        with self._ctx.write():
            before = locked(self._ctx, project)
            _known(before, name)
            if name == RETENTION_ID:
                raise FieldInvalid(name, "left as it is: it goes with the project's retention policy")
            if name == PUBLIC:
                change(self._ctx, project, before, {PUBLIC: "false"})
            else:
                change(self._ctx, project, before, {}, gone=[name])


def stored(ctx: Context, project_id: int) -> dict[str, str]:
    """The project's settings by name, ``public`` among them; ProjectUnknown when the project is gone."""
    rows = ctx.rows(_STORED, {"project": project_id})
    if not rows:
        raise ProjectUnknown(f"project {project_id} not found")
    own = {row.name: row.value for row in rows if row.name is not None}
    return {PUBLIC: "true" if rows[0].public else "false", **own}


def locked(ctx: Context, project: ProjectRef) -> dict[str, str]:
    """Inside an open writing transaction: as ``stored``, and nobody else changes settings there until it ends."""
    ctx.session.connection().execute(_LOCK, {"project": project.id})
    return stored(ctx, project.id)


def change(
    ctx: Context,
    project: ProjectRef,
    before: Mapping[str, str],
    settings: Mapping[str, str],
    *,
    gone: Collection[str] = (),
) -> None:
    """Inside an open writing transaction: set checked ``settings`` and drop ``gone`` ones; ``before`` as ``stored``."""
    now = ctx.ports.clock.now()
    changed = {name: value for name, value in settings.items() if before.get(name) != value}
    if PUBLIC in changed:
        touch(ctx, project.id, now, public=metadata.is_true(changed.pop(PUBLIC)))
    else:
        touch(ctx, project.id, now)
    connection = ctx.session.connection()
    for name in [*gone, *(name for name in changed if name in before)]:
        connection.execute(_DROP, {"project": project.id, "setting": name})
    insert(ctx, project.id, changed)
    ctx.emit(ProjectUpdated(project_id=project.id, name=project.name))


def insert(ctx: Context, project_id: int, settings: Mapping[str, str]) -> None:
    """Inside an open writing transaction: the settings of a project that has none of these, without ``public``."""
    rows = [{"project_id": project_id, "name": name, "value": value} for name, value in settings.items()]
    if rows:
        ctx.session.connection().execute(_NEW, rows)


def touch(ctx: Context, project_id: int, now: datetime, **columns: object) -> None:
    """Inside an open writing transaction: note that the project changed, and set ``columns`` of its row."""
    statement = sa.update(_PROJECT).where(_PROJECT.c.id == project_id).values(update_time=now, **columns)
    ctx.session.connection().execute(statement)


def _known(settings: Mapping[str, str], name: str) -> str:
    if name not in settings:
        raise NotFoundError(f"metadata {name[:100]} not found")
    return settings[name]


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
    _METADATA.c.project_id == sa.bindparam("project"), _METADATA.c.name == sa.bindparam("setting")
)
