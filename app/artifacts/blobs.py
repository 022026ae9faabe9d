"""Blobs in repositories: pull, commit of uploads, mount and delete, and what they change in quotas and the queue."""

from collections.abc import Collection, Mapping
from typing import Any, BinaryIO, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.holdings import hold, let_go
from app.artifacts.models import Repository
from app.artifacts.quarantine import OPEN_BATCH, NewObject, StoredCopy, choose_object, is_lost, open_copy, quarantine
from app.artifacts.repositories import Place, find_place, lock_repository_or_none
from app.artifacts.results import ReadableBlob
from app.artifacts.subjects import Deletion, Mount, Pull
from app.context import Context
from app.core.digest import Digest
from app.core.errors import (
    BlobUnknown,
    Contended,
    DeniedError,
    NotFoundError,
    UnauthenticatedError,
    UnavailableError,
)
from app.core.plugins import Verb
from app.core.reference import RepositoryName
from app.db.conflict import absent_inserts, absent_selects
from app.db.database import retried
from app.db.plans import run
from app.db.types import clock_ms
from app.projects import rights
from app.projects.models import Project
from app.projects.quotas import count_content
from app.storage.models import IS_LIVE, IS_QUARANTINED, LIVE, Blob

_COMMIT_TRIES = 5


class BlobService:
    """The blobs of repositories, for one call."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx

    def find(self, name: RepositoryName, digest: Digest, *, public_only: bool) -> ReadableBlob:
        """Return a blob that the repository holds, with one query.

        Raise BlobUnknown when the repository does not hold it or it is quarantined; with ``public_only`` raise
        UnauthenticatedError unless the project is public, whether the blob exists or not.
        """
        rows = self._ctx.prepared_rows(_HELD, {"name": name, "digest": digest})
        if public_only and not (rows[0].public if rows else self._is_public(name.project)):
            raise UnauthenticatedError
        if not rows:
            raise BlobUnknown(detail={"digest": digest})
        row = rows[0]
        if row.quarantined:
            damage = "the stored copy of this blob is damaged; pushing the content again replaces it"
            raise BlobUnknown(damage, detail={"digest": digest, "reason": "the stored copy is damaged"})
        return ReadableBlob(id=row.id, project_id=row.project_id, key=row.key, size=row.size, claim_ms=row.claim_ms)

    def claim(self, name: RepositoryName, digest: Digest, blob: ReadableBlob) -> None:
        """Protect a blob from garbage collection, after a client that pushes was told that the blob exists.

        The claim lasts for the garbage collection's time window, and is renewed when half of it is over. Do nothing for
        a caller that may not push. The write gate does not apply. Raise BlobUnknown when the blob is deleted meanwhile.
        """
        window = self._window_ms()
        if not window or blob.claim_ms > window // 2 or not self._ctx.principal.authenticated:
            return
        with self._ctx.read() as session:
            project = rights.project_or_none(session, name.project)
            if project is None or not rights.may(session, self._ctx.principal, project, "repository", "push"):
                return
        with self._ctx.write(durable=False) as session:
            claim = {"at_id": blob.id, "window": window}
            if session.connection().execute(_CLAIM_ID, claim).one_or_none() is None:
                raise BlobUnknown(detail={"digest": digest})

    def open(self, name: RepositoryName, digest: Digest, blob: ReadableBlob, offset: int = 0) -> BinaryIO:
        """Open the blob's content from ``offset``; look it up again, once, when its object was replaced meanwhile.

        Raises: ContentDamaged when the object's length is not the blob's size, which quarantines the blob;
        UnavailableError when the object is missing, which quarantines it unless other objects are missing too; what an
        admission check raises.
        """
        if self._ctx.ports.admission[Verb.PULL]:
            self._ctx.admit(Pull(project_id=blob.project_id, repository=name, digest=digest, artifact_id=None))
        try:
            return open_copy(self._ctx, _copy(digest, blob), offset)
        except NotFoundError:
            blob = self.find(name, digest, public_only=False)
        try:
            return open_copy(self._ctx, _copy(digest, blob), offset)
        except NotFoundError as error:
            if is_lost(self._ctx, _copy(digest, blob)):
                quarantine(self._ctx, _copy(digest, blob), {"stored": None, "expected": blob.size})
            raise UnavailableError(f"the bytes of blob {digest} are missing from the storage") from error

    def enter(self, session: Session, name: RepositoryName, digest: Digest, new: NewObject) -> str | None:
        """Make the object the blob ``digest`` and add it to the repository, inside a content transaction.

        An existing live blob of this digest keeps its object, unless that is broken: then it gets the new one. Return
        the key of the object that is not used, which the caller must delete after the commit; None without one.

        Raises: ProjectUnknown when the project does not exist; QuotaExceeded when the blob exceeds its quota; Contended
        when the purge has closed the object's key batch meanwhile.
        """
        now = self._ctx.ports.clock.now()
        place = find_place(session, name, now)
        row = {"digest": digest, "key": new.key, "size": new.size, "creation_time": now, "window": self._window_ms()}
        inserts = _NEW_BLOB if new.batch is None else _NEW_SMALL_BLOB
        if new.batch is not None:
            row["batch"] = new.batch
        for _ in range(_COMMIT_TRIES):
            blob_id = _insert_or_none(session, inserts, row)
            if blob_id is not None:
                self._give(session, place, blob_id, new.size)
                return None
            known = self._claimed_or_none(session, digest)
            if known is not None:
                self._give(session, place, known.id, known.size)
                return choose_object(session, known, new)
        raise Contended(f"blob {digest} was deleted {_COMMIT_TRIES} times during its commit: try again", retry_after=1)

    def may_take_from(self, source: RepositoryName) -> bool:
        """Tell whether the caller has the right to pull from the repository, which need not exist."""
        with self._ctx.read() as session:
            project = rights.project_or_none(session, source.project)
            return project is not None and rights.may(session, self._ctx.principal, project, "repository", "pull")

    @retried()
    def mount(self, name: RepositoryName, digest: Digest, sources: Collection[RepositoryName] | None) -> bool:
        """Add to the repository a blob that one of ``sources`` holds (any repository when ``sources`` is None).

        Return False when no such blob exists that the caller may pull; the client uploads it then. Raise QuotaExceeded
        when the blob exceeds the project's quota.
        """
        with self._ctx.write_content() as session:
            if not self._may_take(session, digest, sources):
                return False
            blob = self._claimed_or_none(session, digest)
            if blob is None or blob.quarantined_at is not None:
                return False
            place = find_place(session, name, self._ctx.ports.clock.now())
            self._ctx.admit(Mount(project_id=place.project_id, repository=name, digest=digest))
            self._give(session, place, blob.id, blob.size)
            return True

    @retried()
    def unlink(self, name: RepositoryName, digest: Digest) -> None:
        """Remove the blob from the repository; a later garbage collection deletes its bytes.

        Raise BlobUnknown when the repository does not hold it, DeniedError while an artifact of it refers to the blob.
        """
        with self._ctx.write_content() as session:
            repository = lock_repository_or_none(session, name)
            blob = session.execute(_LIVE, {"digest": digest}).one_or_none()
            if repository is None or blob is None:
                raise BlobUnknown(detail={"digest": digest})
            if session.execute(_REFERRED, {"repository": repository.id, "blob": blob.id}).first():
                raise DeniedError("a manifest of the repository refers to this blob: delete the manifest first")
            self._ctx.admit(Deletion(project_id=repository.project_id, repository=name, blobs=(digest,)))
            if not let_go(session, repository, blob.id):
                raise BlobUnknown(detail={"digest": digest})
            released = reachability.release_charges(session, [blob.id], project_id=repository.project_id)
            for project_id, size in released.items():
                count_content(self._ctx, project_id, stored=-size)

    def _claimed_or_none(self, session: Session, digest: Digest) -> sa.Row[Any] | None:
        """Lock and claim the live blob of this digest and return its row; None without one."""
        claim = {"at_digest": digest, "window": self._window_ms()}
        return next(iter(run(session, _CLAIM_DIGEST, claim)), None)

    def _may_take(self, session: Session, digest: Digest, sources: Collection[RepositoryName] | None) -> bool:
        holders = _HOLDERS if sources is None else _HOLDERS.where(Repository.name.in_(sources))
        return any(
            rights.may(session, self._ctx.principal, rights.ProjectRef(**row._asdict()), "repository", "pull")
            for row in session.execute(holders, {"digest": digest})
        )

    def _give(self, session: Session, place: Place, blob_id: int, size: int) -> None:
        """Add the blob to the repository and charge the project, once for all of its repositories."""
        if hold(session, place, blob_id):
            count_content(self._ctx, place.project_id, stored=size)

    def _is_public(self, project: str) -> bool:
        rows = self._ctx.prepared_rows(_PUBLIC, {"name": project})
        return bool(rows and rows[0].public)

    def _window_ms(self) -> int:
        return int(self._ctx.ports.settings.garbage.time_window.total_seconds() * 1000)


def _copy(digest: Digest, blob: ReadableBlob) -> StoredCopy:
    return StoredCopy(id=blob.id, digest=digest, key=blob.key, size=blob.size)


def _insert_or_none(session: Session, statements: Mapping[str, sa.Insert], values: Mapping[str, object]) -> int | None:
    """Insert the row and return its id; None when it exists already."""
    rows = run(session, statements[session.get_bind().dialect.name], values)
    return int(rows[0][0]) if rows else None


_UNTIL = clock_ms() + sa.bindparam("window", type_=sa.BigInteger)
_NEW_BLOB = absent_inserts(Blob, "digest", "key", "size", "creation_time", state=LIVE, claimed_until=_UNTIL)
_NEW_SMALL_BLOB = absent_selects(
    Blob,
    *("digest", "key", "size", "creation_time", "state", "claimed_until"),
    rows=sa.select(
        *(
            sa.bindparam(name, type_=cast("sa.Table", Blob.__table__).c[name].type)
            for name in ("digest", "key", "size", "creation_time")
        ),
        sa.literal_column(f"'{LIVE}'"),
        _UNTIL,
    ).where(sa.exists(OPEN_BATCH)),
    returning="id",
)
_BLOB = cast("sa.Table", Blob.__table__)
_CLAIM = (
    sa.update(_BLOB)
    .where(_BLOB.c.state == LIVE)
    .values(claimed_until=_UNTIL)
    .returning(_BLOB.c.id, _BLOB.c.key, _BLOB.c.size, _BLOB.c.quarantined_at)
)
"""Returns the column itself instead of a condition: SQLite 3.40 evaluates ``IS NOT NULL`` wrongly in RETURNING."""
_CLAIM_ID = _CLAIM.where(_BLOB.c.id == sa.bindparam("at_id"))
_CLAIM_DIGEST = _CLAIM.where(_BLOB.c.digest == sa.bindparam("at_digest"))
_HELD = reachability.held_under(
    Blob.id,
    Blob.key,
    Blob.size,
    (Blob.claimed_until - clock_ms()).label("claim_ms"),
    IS_QUARANTINED.label("quarantined"),
    Repository.project_id,
    Project.public,
).join(Project, Project.id == Repository.project_id)
_LIVE = sa.select(Blob.id, Blob.size).where(Blob.digest == sa.bindparam("digest"), IS_LIVE).with_for_update()
_PUBLIC = sa.select(Project.public).where(Project.name == sa.bindparam("name"))
_HOLDERS = (
    reachability.holdings(Project.id, Project.name, Project.public, Project.owner_id)
    .distinct()
    .join(Project, Project.id == Repository.project_id)
    .where(Blob.digest == sa.bindparam("digest"), IS_LIVE)
)
_REFERRED = sa.select(sa.literal(1)).where(
    reachability.referenced(sa.bindparam("blob", type_=sa.BigInteger), repository=sa.bindparam("repository"))
)
