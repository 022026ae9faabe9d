"""Pull and deletion of manifests; a pull takes one query, and the bytes come from a cache or from their row."""

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from app.artifacts.deletion import delete_artifacts, listed_by, with_accessories
from app.artifacts.models import Artifact, ManifestBody, Repository, Tag
from app.artifacts.repositories import find_published, lock_published
from app.artifacts.subjects import Pull
from app.context import Context
from app.core.digest import Digest
from app.core.errors import DeniedError, ManifestUnknown, UnauthenticatedError
from app.core.plugins import Verb
from app.core.reference import is_digest, is_tag
from app.db.database import retried
from app.events.content import ArtifactPulled
from app.projects.models import Project

_LARGE: Final = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredManifest:
    """A manifest of a repository, without its bytes."""

    artifact_id: int
    project_id: int
    repository: str
    digest: str
    media_type: str
    size: int
    """Bytes of the manifest itself."""
    tag: str | None
    """The tag in the request; None when it named a digest."""


class ManifestService:
    """Reads and deletes manifests; the registry edge has checked the caller's rights before."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def find(self, repository: str, reference: str, *, public_only: bool = False) -> StoredManifest:
        """Return the manifest of a tag or digest, with one query.

        Raises: DigestInvalid for a malformed digest; RepositoryUnknown; ManifestUnknown, also for a malformed tag; with
        ``public_only`` UnauthenticatedError for anything outside public projects; what a verdict or an admission check
        raises.
        """
        ctx = self._ctx
        verdicts = ctx.ports.verdicts
        if is_digest(reference):
            statement = verdicts.statement(_BY_DIGEST)
            rows = ctx.prepared_rows(statement, {"repository": repository, "digest": Digest.parse(reference)})
            tag = None
        else:
            statement = verdicts.statement(_BY_TAG)
            named = {"repository": repository, "tag": reference}
            rows = ctx.prepared_rows(statement, named) if is_tag(reference) else ()
            tag = reference
        if not rows:
            find_published(ctx, repository, public_only=public_only)
            raise ManifestUnknown(f"manifest {reference[:160]} unknown", detail={"reference": reference[:160]})
        artifact_id, digest, media_type, size, project_id, public = rows[0][:_OWN_FACTS]
        if public_only and not public:
            raise UnauthenticatedError
        manifest = StoredManifest(
            artifact_id=artifact_id,
            project_id=project_id,
            repository=repository,
            digest=digest,
            media_type=media_type,
            size=size,
            tag=tag,
        )
        if verdicts or ctx.ports.admission[Verb.PULL]:
            self._require_admitted(manifest, rows[0])
        return manifest

    def body(self, manifest: StoredManifest) -> bytes:
        """Return the manifest's bytes as they were pushed, from this process's cache or with one query."""
        ports = self._ctx.ports
        cached = ports.manifests.get(manifest.digest)
        if cached is not None:
            return cached
        with ports.large_answers if manifest.size > _LARGE else nullcontext():
            rows = self._ctx.prepared_rows(_BODY, {"artifact": manifest.artifact_id})
            if not rows:
                raise ManifestUnknown
            body = bytes(rows[0][0])
        ports.manifests.put(manifest.digest, body)
        return body

    @retried()
    def delete(self, repository: str, digest: Digest) -> None:
        """Delete a manifest, its tags, and accessories that only tags make so; its children and referrers stay.

        Raises: RepositoryUnknown; ManifestUnknown; DeniedError while an index of the repository lists it.
        """
        with self._ctx.write_content() as session:
            place = lock_published(session, repository)
            artifact_id = session.execute(_OWN, {"repository": place.id, "digest": digest}).scalar_one_or_none()
            if artifact_id is None:
                raise ManifestUnknown(f"manifest {digest} unknown", detail={"digest": digest})
            artifact_ids = with_accessories(session, artifact_id, by_tag_only=True)
            if parents := listed_by(session, artifact_ids):
                message = "an index of the repository lists this manifest: delete the index first"
                raise DeniedError(message, detail={"indexes": parents})
            delete_artifacts(self._ctx, place, artifact_ids)

    def _require_admitted(self, manifest: StoredManifest, row: sa.Row[Any]) -> None:
        """Raise what the first verdict against the pull raises, by the row's columns, or the first admission check."""
        subject = Pull(
            project_id=manifest.project_id,
            repository=manifest.repository,
            digest=manifest.digest,
            artifact_id=manifest.artifact_id,
        )
        with self._ctx.refusing(subject.denial):
            for verdict in self._ctx.ports.verdicts:
                verdict.judge(self._ctx, subject, row)
        self._ctx.admit(subject)

    def note_pull(self, manifest: StoredManifest) -> None:
        """Add the pull to the buffer, which counts pulls later, in batches."""
        self._ctx.ports.pulls.add(
            ArtifactPulled(
                manifest.project_id,
                manifest.repository,
                manifest.artifact_id,
                manifest.digest,
                manifest.tag,
                self._ctx.principal.name,
            )
        )


_FACTS = (
    sa.select(
        Artifact.id,
        Artifact.digest,
        Artifact.manifest_media_type,
        Artifact.manifest_size,
        Artifact.project_id,
        Project.public,
    )
    .join(Repository, Repository.id == Artifact.repository_id)
    .join(Project, Project.id == Repository.project_id)
    .where(Repository.name == sa.bindparam("repository"))
)
_OWN_FACTS: Final = len(_FACTS.selected_columns)
"""The number of the manifest's own columns; the columns of verdicts follow them."""
_BY_DIGEST = _FACTS.where(Artifact.digest == sa.bindparam("digest"))
_BY_TAG = _FACTS.join(Tag, Tag.artifact_id == Artifact.id).where(
    Tag.repository_id == Repository.id, Tag.name == sa.bindparam("tag")
)
_OWN = sa.select(Artifact.id).where(
    Artifact.repository_id == sa.bindparam("repository"), Artifact.digest == sa.bindparam("digest")
)
_BODY = sa.select(ManifestBody.body).where(ManifestBody.artifact_id == sa.bindparam("artifact"))
