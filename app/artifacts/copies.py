"""Copies of artifacts between repositories of the installation: rows only, as both repositories share the blobs."""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts import reachability
from app.artifacts.content_checks import CheckedContent, check_content
from app.artifacts.families import Relative, family_of
from app.artifacts.holdings import enter_queue, hold_all, lock_live_blobs
from app.artifacts.models import Artifact, Repository, Tag
from app.artifacts.pushes import ManifestPush, PushService, enter_repository
from app.artifacts.repositories import RepositoryRef
from app.artifacts.service import find_artifact
from app.artifacts.subjects import Copy, Mount
from app.context import Context
from app.core.digest import Digest
from app.core.errors import Contended, FieldInvalid, InvalidError, ManifestUnknown
from app.core.reference import RepositoryName, is_tag
from app.db.database import retried
from app.db.parts import parts
from app.events.refusals import PullDenied, PushDenied
from app.oci.accessory_tags import subject_or_none
from app.oci.limits import LARGE_DOCUMENT
from app.oci.manifests import parse_manifest
from app.projects.quotas import count_content
from app.projects.rights import require_in_project

_EXPECTED: Final = "project/repository:tag or project/repository@digest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The artifact to copy: its repository, and its tag or digest."""

    repository: RepositoryName
    reference: str
    tag: str | None

    @classmethod
    def parse(cls, text: str) -> "Source":
        """Return the source that ``project/repository:tag`` or ``project/repository@digest`` names.

        Raise FieldInvalid for anything else.
        """
        name, at, digest = text.partition("@")
        tag = None
        if not at:
            name, _, tag = text.rpartition(":")
        try:
            repository = RepositoryName.parse(name)
            reference = tag if tag is not None else Digest.parse(digest)
        except InvalidError as error:
            raise FieldInvalid("from", _EXPECTED) from error
        if tag is not None and not is_tag(tag):
            raise FieldInvalid("from", _EXPECTED)
        return cls(repository=repository, reference=reference, tag=tag)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A manifest of the copy, and the result of looking into its content."""

    source_id: int
    push: ManifestPush
    checked: CheckedContent


class CopyService:
    """Copies artifacts, with the rights to create artifacts in the target and to read them in the source."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    @retried()
    def copy(self, project: str, repository: str, source: str) -> Digest:
        """Copy an artifact with its children and accessories, and its tag if ``source`` names one; return its digest.

        What the target has already stays as it is, labels are not copied. All happens in one transaction. Raise as
        ``rights.require_in_project`` does for either project; NameInvalid; FieldInvalid for a malformed source;
        RepositoryUnknown or ManifestUnknown for an unknown one; InvalidError for one that is too large; what a push of
        each manifest raises, as QuotaExceeded or ReadOnly.
        """
        name = f"{project}/{repository}"
        with self._ctx.refusing(PushDenied(repository=name)):
            require_in_project(self._ctx, project, "artifact", "create")
        target = RepositoryName.parse(name)
        origin = Source.parse(source)
        with self._ctx.refusing(PullDenied(repository=origin.repository, reference=origin.reference)):
            require_in_project(self._ctx, origin.repository.project, "artifact", "read")
        self._ctx.ports.room.require()
        root, family = self._find(origin)
        copied = [self._part(origin, target, one, is_root=one.id == root) for one in family]
        self._store(origin, target, copied, root)
        return next(Digest(one.digest) for one in family if one.id == root)

    def _find(self, origin: Source) -> tuple[int, list[Relative]]:
        with self._ctx.read() as session:
            root = find_artifact(session, origin.repository, origin.reference)
            family = family_of(session, root)
        if all(one.id != root for one in family):
            raise _unknown(origin)
        return root, family

    def _part(self, origin: Source, target: RepositoryName, one: Relative, *, is_root: bool) -> _Part:
        """Parse a manifest and look into its content, in the source or where that lacks it in the target."""
        ctx = self._ctx
        with ctx.ports.large_documents if len(one.body) > LARGE_DOCUMENT else nullcontext():
            manifest = parse_manifest(one.body, one.media_type)
        named = [tag for tag in one.tags if subject_or_none(tag, manifest)]
        tags = tuple(dict.fromkeys([*([origin.tag] if is_root and origin.tag else []), *named]))
        checked = check_content(ctx, origin.repository, manifest, tags)
        if checked.unchecked:
            other = check_content(ctx, target, manifest, tags)
            unchecked = checked.unchecked & other.unchecked
            checked = CheckedContent(facts=checked.facts or other.facts, unchecked=unchecked)
        push = ManifestPush(repository=target, manifest=manifest, body=one.body, digest=Digest(one.digest), tags=tags)
        return _Part(source_id=one.id, push=push, checked=checked)

    def _store(self, origin: Source, target: RepositoryName, copied: Sequence[_Part], root: int) -> None:
        ctx = self._ctx
        with ctx.write_content() as session:
            repository = enter_repository(session, target, ctx.ports.clock.now())
            main = next(part for part in copied if part.source_id == root)
            ctx.admit(
                Copy(
                    project_id=repository.project_id,
                    repository=target,
                    source=origin.repository,
                    digest=main.push.digest,
                    tags=main.push.tags,
                )
            )
            _require_unchanged(session, origin, copied, root)
            new = _new(session, repository, copied)
            self._link(repository, [part.source_id for part in new])
            stored, pushes = 0, PushService(ctx)
            for part in new:
                stored += pushes.store_in(repository, part.push, part.checked)[1]
            session.flush()
            published = repository.published or not new
            count_content(ctx, repository.project_id, stored=stored, repositories=0 if published else 1)

    def _link(self, repository: RepositoryRef, artifact_ids: Sequence[int]) -> None:
        """Add the blobs of the source's artifacts to the repository, locked against deletion until the commit."""
        with self._ctx.write() as session:
            referenced = {
                blob_id
                for part in parts(artifact_ids)
                for blob_id in session.execute(reachability.blobs_of_artifacts(part)).scalars()
            }
            digests = lock_live_blobs(session, sorted(referenced))
            linked = hold_all(session, repository_id=repository.id, blob_ids=list(digests))
            for blob_id in linked:
                mount = Mount(project_id=repository.project_id, repository=repository.name, digest=digests[blob_id])
                self._ctx.admit(mount)
            enter_queue(session, repository=repository, blob_ids=linked)


def _require_unchanged(session: Session, origin: Source, copied: Sequence[_Part], root: int) -> None:
    """Raise ManifestUnknown when the artifact is gone by now, Contended when a part of it is."""
    ids = [part.source_id for part in copied]
    there = set(session.execute(_STILL, {"repository": origin.repository, "ids": ids}).scalars())
    if root not in there:
        raise _unknown(origin)
    if there != set(ids):
        raise Contended("the artifact changed while it was copied: try again", retry_after=1)


def _new(session: Session, repository: RepositoryRef, copied: Sequence[_Part]) -> list[_Part]:
    """Return the parts that the repository lacks, or that lack one of their tags there."""
    known: dict[str, set[str]] = {}
    named = {
        "repository": repository.id,
        "digests": [part.push.digest for part in copied],
        "names": [tag for part in copied for tag in part.push.tags],
    }
    for row in session.execute(_KNOWN, named):
        known.setdefault(row.digest, set()).add(row.name)
    return [part for part in copied if not known.get(part.push.digest, set()).issuperset(part.push.tags or (None,))]


def _unknown(origin: Source) -> ManifestUnknown:
    return ManifestUnknown(f"artifact {origin.reference[:160]} of {origin.repository} not found")


_STILL: Final = (
    sa.select(Artifact.id)
    .join(Repository, Repository.id == Artifact.repository_id)
    .where(
        Repository.name == sa.bindparam("repository"),
        Repository.published,
        Artifact.id.in_(sa.bindparam("ids", expanding=True)),
    )
)
_KNOWN: Final = (
    sa.select(Artifact.digest, Tag.name)
    .outerjoin(Tag, sa.and_(Tag.artifact_id == Artifact.id, Tag.name.in_(sa.bindparam("names", expanding=True))))
    .where(
        Artifact.repository_id == sa.bindparam("repository"),
        Artifact.digest.in_(sa.bindparam("digests", expanding=True)),
    )
)
