"""What must hold between tables, files and manifests at any time that nobody is at work."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from app.artifacts.models import Artifact, ArtifactBlob, ManifestBody, ProjectBlob, Repository, RepositoryBlob, Standing
from app.artifacts.standing import RULE
from app.db.database import Database
from app.projects.models import Project
from app.storage.models import LIVE, Blob, KeyBatch, Upload, ZeroReference
from app.storage.room import RESERVE
from tests.support.instance import Instance


@contextmanager
def database_of(instance: Instance) -> Iterator[Database]:
    """The installation's database, beside it."""
    database = Database(instance.environment.get("HARBOR_DATABASE_URL", f"sqlite:///{instance.folder}/pyharbor.db"))
    try:
        yield database
    finally:
        database.dispose()


def faults(database: Database, store: Path) -> list[str]:
    """Everything that is not as it must be, in words."""
    return [
        *_none(database, "references to blobs that are not live", _DEAD),
        *_none(database, "references to blobs that the repository does not hold", _UNHELD),
        *_none(database, "live blobs that nobody holds and no queue knows", _LEAKED),
        *_none(database, "blobs that repositories do not refer to and no queue knows", _UNQUEUED),
        *_none(database, "charges to projects that need the blob no more", _OVERCHARGED),
        *_none(database, "references that no project is charged for", _UNCHARGED),
        *_manifests(database),
        *_counters(database),
        *_files(database, store),
    ]


def _none(database: Database, what: str, statement: sa.Executable) -> Iterator[str]:
    rows = database.rows(statement)
    if rows:
        yield f"{len(rows)} {what}, first {rows[0]}"


def _manifests(database: Database) -> Iterator[str]:
    held: dict[int, set[str]] = {}
    for row in database.rows(_REFERENCES):
        held.setdefault(row.artifact_id, set()).add(row.digest)
    for row in database.rows(_BODIES):
        if f"sha256:{sha256(row.body).hexdigest()}" != row.digest:
            yield f"manifest {row.digest} has another body"
        document = json.loads(row.body)
        named = {each["digest"] for each in (*document.get("layers", ()), document.get("config")) if each}
        if named != held.get(row.id, set()):
            yield f"manifest {row.digest} has {len(held.get(row.id, set()))} references to its {len(named)} blobs"


def _counters(database: Database) -> Iterator[str]:
    for row in database.rows(_PROJECTS):
        charged = database.rows(_CHARGED, {"project": row.id})[0][0] or 0
        manifests = database.rows(_MANIFEST_BYTES, {"project": row.id})[0][0] or 0
        if row.storage_used != charged + manifests:
            yield f"project {row.name} counts {row.storage_used} bytes and has {charged} + {manifests}"
        visible = database.rows(_VISIBLE, {"project": row.id})[0][0]
        if row.repo_count != visible:
            yield f"project {row.name} counts {row.repo_count} repositories and shows {visible}"
    for row in database.rows(_ARTIFACT_COUNTS):
        if row.artifact_count != row.there:
            yield f"repository {row.name} counts {row.artifact_count} artifacts and lists {row.there}"
    for row in database.rows(_WRONG_STANDINGS):
        yield f"artifact {row.digest} stands as {row.standing} and is {row.due}"


def _files(database: Database, store: Path) -> Iterator[str]:
    there = {str(path.relative_to(store)): path for path in store.rglob("*") if path.is_file() and path.name != RESERVE}
    blobs = database.rows(_BLOBS)
    uploads = database.rows(_UPLOADS)
    for row in blobs:
        path = there.get(row.key)
        if row.state != LIVE:
            continue
        if path is None:
            yield f"live blob {row.digest} has no file"
        elif path.stat().st_size != row.size:
            yield f"live blob {row.digest} has a file of {path.stat().st_size} bytes, not {row.size}"
        elif f"sha256:{sha256(path.read_bytes()).hexdigest()}" != row.digest:
            yield f"live blob {row.digest} has a file of other content"
    for row in uploads:
        if row.digest is None and row.offset > (there[row.key].stat().st_size if row.key in there else 0):
            yield f"upload {row.id} counts {row.offset} bytes that its file does not have"
    batches = {row.prefix for row in database.rows(_BATCHES)}
    orphans = there.keys() - {row.key for row in blobs} - {row.key for row in uploads}
    orphans = {key for key in orphans if key.rpartition("/")[0] not in batches}
    if orphans:
        yield f"{len(orphans)} files that no row knows, first {min(orphans)}"


_BATCHES = sa.select(KeyBatch.prefix)
"""Under their keys the purge looks for what no row knows."""
_references = sa.exists().where(
    ArtifactBlob.blob_id == RepositoryBlob.blob_id, ArtifactBlob.repository_id == RepositoryBlob.repository_id
)
_DEAD = (
    sa.select(ArtifactBlob.artifact_id, Blob.digest)
    .outerjoin(Blob, Blob.id == ArtifactBlob.blob_id)
    .where(sa.or_(Blob.id.is_(None), Blob.state != LIVE))
)
_UNHELD = sa.select(ArtifactBlob.artifact_id, ArtifactBlob.blob_id).where(
    ~sa.exists().where(
        RepositoryBlob.blob_id == ArtifactBlob.blob_id, RepositoryBlob.repository_id == ArtifactBlob.repository_id
    )
)
_LEAKED = sa.select(Blob.digest).where(
    Blob.state == LIVE,
    ~sa.exists().where(RepositoryBlob.blob_id == Blob.id),
    ~sa.exists().where(ZeroReference.blob_id == Blob.id),
)
_UNQUEUED = sa.select(RepositoryBlob.repository_id, RepositoryBlob.blob_id).where(
    ~_references,
    ~sa.exists().where(
        ZeroReference.blob_id == RepositoryBlob.blob_id, ZeroReference.repository_id == RepositoryBlob.repository_id
    ),
)
_OVERCHARGED = sa.select(ProjectBlob.project_id, ProjectBlob.blob_id).where(
    ~sa.exists().where(ArtifactBlob.blob_id == ProjectBlob.blob_id, ArtifactBlob.project_id == ProjectBlob.project_id),
    ~sa.exists().where(
        RepositoryBlob.blob_id == ProjectBlob.blob_id,
        Repository.id == RepositoryBlob.repository_id,
        Repository.project_id == ProjectBlob.project_id,
    ),
)
_UNCHARGED = sa.select(ArtifactBlob.artifact_id, ArtifactBlob.blob_id).where(
    ~sa.exists().where(ProjectBlob.blob_id == ArtifactBlob.blob_id, ProjectBlob.project_id == ArtifactBlob.project_id)
)
_REFERENCES = sa.select(ArtifactBlob.artifact_id, Blob.digest).join(Blob, Blob.id == ArtifactBlob.blob_id)
_BODIES = sa.select(Artifact.id, Artifact.digest, ManifestBody.body).join(
    ManifestBody, ManifestBody.artifact_id == Artifact.id
)
_PROJECTS = sa.select(Project.id, Project.name, Project.storage_used, Project.repo_count)
_CHARGED = (
    sa.select(sa.func.sum(Blob.size))
    .join(ProjectBlob, ProjectBlob.blob_id == Blob.id)
    .where(ProjectBlob.project_id == sa.bindparam("project"))
)
_MANIFEST_BYTES = sa.select(sa.func.sum(Artifact.manifest_size)).where(Artifact.project_id == sa.bindparam("project"))
_VISIBLE = sa.select(sa.func.count()).where(Repository.project_id == sa.bindparam("project"), Repository.published)
_ARTIFACT_COUNTS = sa.select(
    Repository.name,
    Repository.artifact_count,
    sa.select(sa.func.count())
    .where(Artifact.repository_id == Repository.id, Artifact.standing == Standing.LISTED)
    .correlate(Repository)
    .scalar_subquery()
    .label("there"),
)
_WRONG_STANDINGS = sa.select(Artifact.digest, Artifact.standing, RULE.label("due")).where(Artifact.standing != RULE)
_BLOBS = sa.select(Blob.key, Blob.digest, Blob.size, Blob.state)
_UPLOADS = sa.select(Upload.id, Upload.key, Upload.offset, Upload.digest)
