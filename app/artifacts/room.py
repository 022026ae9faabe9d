"""How much more uploads may take: bytes on their way, and bytes that were deleted but not collected."""

import functools
import time
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
"""An upload that its own account left for this long gives way to the one that it begins again in the repository."""
_STEP_BYTES: Final = 8 * 1024 * 1024
"""After so many bytes the room is asked for again, so requests at once pass a limit by no more than this each."""
_RECENT_SECONDS: Final = 5.0


class UploadRoom:
    """The room for uploads, for one call. Sessions that nobody goes on with give way to what needs their room."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx
        self._rows = SessionRows(ctx)

    def require_project(self, name: RepositoryName) -> int:
        """The id of the project of a repository in which a session may begin.

        ProjectUnknown without the project; QuotaExceeded when it is full or too much waits for garbage collection.
        """
        project = quotas.project_with_room(self._ctx, name.project)
        if project.limit != quotas.UNLIMITED:
            quotas.require_small_backlog(self._ctx, project, self._waiting(project.id))
        return project.id

    def admission(
        self, upload: UploadSession, declared: int | None, digest: Digest | None = None
    ) -> Callable[[int], None]:
        """What the transfer asks before it writes up to an offset; the length that a body ``declared`` as a whole.

        First here, so that a refusal does not wait for the body, and again before the first byte is written, when the
        transfer owns the session: only what an owner was admitted counts for others.
        QuotaExceeded when what is stored and all that is arriving would pass the project's limit. Content of a
        ``digest`` that the project is charged for already needs no room; DigestInvalid where it would be longer.
        """
        if not quotas.is_limited(self._ctx, upload.project_id):
            return lambda _: None
        known = self._charged(upload, digest) if digest else None
        if known is not None:
            return functools.partial(_refuse_longer, known)
        ahead = upload.offset + (declared or 0)
        if declared and not self._fits(upload, ahead):
            self._admit(upload, ahead)
        admitted = upload.offset

        def admit(offset: int) -> None:
            nonlocal admitted
            if offset > admitted:
                upto = max(offset, ahead)
                self._admit(upload, upto)
                admitted = upto if upto > offset else upto + _STEP_BYTES

        return admit

    def require_room(self, upload: UploadSession, size: int, digest: Digest) -> None:
        """As ``admission``, for content that comes whole and counts by itself at once; only reads while it fits."""
        if not quotas.is_limited(self._ctx, upload.project_id):
            return
        known = self._charged(upload, digest)
        if known is not None:
            _refuse_longer(known, size)
            return
        if not self._fits(upload, size):
            self._admit(upload, size)

    def _fits(self, upload: UploadSession, offset: int) -> bool:
        """Whether there is room for the session with so many bytes; only reads."""
        bound = {"project": upload.project_id, "upload": upload.id}
        used = self._ctx.ports.db.rows(_USE, bound)
        return all(row.storage_used + row.arriving + offset <= row.storage_limit for row in used)

    def _charged(self, upload: UploadSession, digest: Digest) -> int | None:
        """The size of the blob when the project is charged for it already."""
        rows = self._ctx.ports.db.rows(_CHARGED, {"project": upload.project_id, "digest": digest})
        return int(rows[0].size) if rows else None

    def _admit(self, upload: UploadSession, offset: int) -> None:
        """Count the session as one of ``offset`` bytes."""
        if self._enter(upload, offset) is None:
            return
        begun_again = sa.and_(
            Upload.account == self._rows.account(), Upload.repository == upload.repository, self._rows.untouched(_LEFT)
        )
        given_up = sa.or_(self._rows.untouched(IDLE), begun_again)
        self._rows.evict(sa.and_(Upload.project_id == upload.project_id, Upload.id != upload.id, given_up))
        arriving = self._enter(upload, offset)
        if arriving is not None:
            quotas.require_quotas_off_for_upload(self._ctx, upload.project_id, arriving + offset)

    def _enter(self, upload: UploadSession, offset: int) -> int | None:
        """None when there is room, and then the session is counted; else the bytes of the project's other sessions."""
        with self._ctx.write(durable=False) as session:
            hold_names(session, uploads_of_project(upload.project_id))
            bound = {"project": upload.project_id, "upload": upload.id}
            row = session.connection().execute(_USE, bound).one_or_none()
            if row is not None and row.storage_used + row.arriving + offset > row.storage_limit:
                return int(row.arriving)
            session.connection().execute(_ADMIT, {"at_id": bound["upload"], "upto": offset})
            return None

    def _waiting(self, project_id: int) -> int:
        """Bytes that the project is not charged for any more and no collection has freed; some seconds old."""
        recent = self._ctx.ports.waiting
        until, waiting = recent.get(project_id) or (0.0, 0)
        if until < time.monotonic():
            waiting = int(self._ctx.ports.db.rows(_WAITING, {"project": project_id})[0].bytes)
            recent.put(project_id, (time.monotonic() + _RECENT_SECONDS, waiting))
        return waiting


def _refuse_longer(size: int, offset: int) -> None:
    if offset > size:
        raise DigestInvalid(f"the content is longer than the {size} bytes of that digest", detail={"size": size})


_PROJECT_ID: Final = sa.bindparam("project", type_=sa.BigInteger)
_CHARGED: Final = sa.select(Blob.size).where(
    Blob.digest == sa.bindparam("digest"), IS_LIVE, reachability.charged(Blob.id, project=_PROJECT_ID)
)
_SIZE: Final = sa.case(
    (sa.and_(Upload.admitted > Upload.offset, Upload.lease_until > clock_ms()), Upload.admitted), else_=Upload.offset
)
"""What a request that ended with its process was still to bring does not come."""
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
