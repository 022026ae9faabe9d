"""Quota of uploads: bytes that are arriving count, and blobs that were deleted but not collected have a limit."""

import functools
from collections.abc import Callable
from datetime import timedelta
from typing import Final, cast

import sqlalchemy as sa

from app.artifacts import reachability
from app.artifacts.session_rows import IDLE, SessionRows, uploads_of_project
from app.context import Context
from app.core.digest import Digest
from app.core.errors import DigestInvalid
from app.core.reference import RepositoryName
from app.db.locks import hold_names
from app.db.types import clock_ms
from app.projects import quotas
from app.projects.models import Project
from app.storage.models import IS_LIVE, Blob, Upload
from app.storage.sessions import UploadSession

_LEFT: Final = timedelta(seconds=20)
"""An open session idle for this long may be ended when its account uploads to the same repository again."""
_STEP_BYTES: Final = 8 * 1024 * 1024
"""Bytes between two checks of the quota: each concurrent request may exceed a limit by no more than this."""


class UploadRoom:
    """Checks uploads against the project's quota, for one call; ends idle sessions when their bytes are needed."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx
        self._rows = SessionRows(ctx)

    def require_project(self, name: RepositoryName) -> int:
        """Return the id of the repository's project, in which an upload session may start.

        Raise ProjectUnknown when it does not exist; QuotaExceeded when it is full, or too many of its bytes wait for
        garbage collection.
        """
        project = quotas.project_with_room(self._ctx, name.project)
        if project.limit != quotas.UNLIMITED:
            quotas.require_small_backlog(self._ctx, project, self._waiting(project.id))
        return project.id

    def admission(
        self, upload: UploadSession, declared: int | None, digest: Digest | None = None
    ) -> Callable[[int], None]:
        """Return the function that checks the quota before a transfer writes up to an offset.

        A ``declared`` length is checked at once, here, so that a refusal does not wait for the body, and again before
        the first byte is written, when the transfer owns the session: only then does it count against other uploads.

        Both raise QuotaExceeded when stored and arriving bytes together would exceed the project's limit. A blob
        ``digest`` that the project is charged for already costs nothing; DigestInvalid when the content is longer.
        """
        if not quotas.is_limited(self._ctx, upload.project_id):
            return lambda _: None
        charged_size = self._charged_size_or_none(upload, digest) if digest else None
        if charged_size is not None:
            return functools.partial(_require_not_longer, charged_size)
        ahead = upload.offset + (declared or 0)
        if declared and not self._fits(upload, ahead):
            self._admit(upload, ahead)
        admitted = upload.offset

        def admit(offset: int) -> None:
            nonlocal admitted
            if offset > admitted:
                end = max(offset, ahead)
                self._admit(upload, end)
                admitted = end if end > offset else end + _STEP_BYTES

        return admit

    def require_room(self, upload: UploadSession, size: int, digest: Digest) -> None:
        """Raise as ``admission`` does, for ``size`` bytes of content that is committed right after it arrives.

        Write nothing while the content fits.
        """
        if not quotas.is_limited(self._ctx, upload.project_id):
            return
        charged_size = self._charged_size_or_none(upload, digest)
        if charged_size is not None:
            _require_not_longer(charged_size, size)
            return
        if not self._fits(upload, size):
            self._admit(upload, size)

    def _fits(self, upload: UploadSession, offset: int) -> bool:
        """Tell whether the quota has room for the session with ``offset`` bytes; write nothing."""
        bound = {"project": upload.project_id, "upload": upload.id}
        used = self._ctx.prepared_rows(_USE, bound)
        return all(row.storage_used + row.arriving + offset <= row.storage_limit for row in used)

    def _charged_size_or_none(self, upload: UploadSession, digest: Digest) -> int | None:
        """Return the size of the blob when the project is charged for it already; None otherwise."""
        rows = self._ctx.prepared_rows(_CHARGED, {"project": upload.project_id, "digest": digest})
        return int(rows[0].size) if rows else None

    def _admit(self, upload: UploadSession, offset: int) -> None:
        """Count the session with ``offset`` bytes; end idle sessions of the project if it does not fit otherwise."""
        if self._count_or_arriving(upload, offset) is None:
            return
        repeated = sa.and_(
            Upload.account == self._rows.account(), Upload.repository == upload.repository, self._rows.untouched(_LEFT)
        )
        idle = sa.or_(self._rows.untouched(IDLE), repeated)
        self._rows.evict(sa.and_(Upload.project_id == upload.project_id, Upload.id != upload.id, idle))
        arriving = self._count_or_arriving(upload, offset)
        if arriving is not None:
            quotas.require_quotas_off_beyond_limit(self._ctx, upload.project_id, arriving + offset)

    def _count_or_arriving(self, upload: UploadSession, offset: int) -> int | None:
        """Count the session and return None; without room for it, return the bytes of the project's other sessions."""
        with self._ctx.write(durable=False) as session:
            hold_names(session, uploads_of_project(upload.project_id))
            bound = {"project": upload.project_id, "upload": upload.id}
            row = session.connection().execute(_USE, bound).one_or_none()
            if row is not None and row.storage_used + row.arriving + offset > row.storage_limit:
                return int(row.arriving)
            session.connection().execute(_ADMIT, {"at_id": bound["upload"], "upto": offset})
            return None

    def _waiting(self, project_id: int) -> int:
        """Return the bytes that the project gave up and no collection has freed yet, as of some seconds ago."""
        recent = self._ctx.ports.waiting
        waiting = recent.get(project_id)
        if waiting is None:
            waiting = int(self._ctx.prepared_rows(_WAITING, {"project": project_id})[0].bytes)
            recent.put(project_id, waiting)
        return waiting


def _require_not_longer(size: int, offset: int) -> None:
    if offset > size:
        raise DigestInvalid(f"the content is longer than the {size} bytes of that digest", detail={"size": size})


_PROJECT_ID: Final = sa.bindparam("project", type_=sa.BigInteger)
_CHARGED: Final = sa.select(Blob.size).where(
    Blob.digest == sa.bindparam("digest"), IS_LIVE, reachability.charged(Blob.id, project=_PROJECT_ID)
)
_SIZE: Final = sa.case(
    (sa.and_(Upload.admitted > Upload.offset, Upload.lease_until > clock_ms()), Upload.admitted), else_=Upload.offset
)
"""The bytes that a session counts: the admitted ones count only while a request holds the lease."""
_ARRIVING: Final = (
    sa.select(sa.func.coalesce(sa.func.sum(_SIZE), 0))
    .where(Upload.project_id == _PROJECT_ID, Upload.digest.is_(None), Upload.id != sa.bindparam("upload"))
    .scalar_subquery()
)
_USE: Final = sa.select(
    Project.storage_limit, Project.storage_used, sa.cast(_ARRIVING, sa.BigInteger).label("arriving")
).where(Project.id == _PROJECT_ID, Project.storage_limit != quotas.UNLIMITED)
_TABLE: Final = cast("sa.Table", Upload.__table__)
_ADMIT: Final = (
    sa.update(_TABLE)
    .where(_TABLE.c.id == sa.bindparam("at_id"), _TABLE.c.digest.is_(None))
    .values(admitted=sa.bindparam("upto"))
)
_WAITING: Final = sa.select(sa.cast(sa.func.coalesce(sa.func.sum(Blob.size), 0), sa.BigInteger).label("bytes")).where(
    reachability.waiting(_PROJECT_ID)
)
