"""The rows about content, all of them in memory, and what must follow from them: recomputed in plain Python."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import sqlalchemy as sa

from app.artifacts.models import (
    Accessory,
    Artifact,
    ArtifactBlob,
    ArtifactChild,
    ProjectBlob,
    Repository,
    RepositoryBlob,
    Tag,
)
from app.context import Ports
from app.db.base import Base
from app.db.types import clock_ms
from app.projects.models import Project
from app.storage.models import LIVE, Blob, ZeroReference

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows by id, and rows that are nothing but their pair of ids as sets."""

    now_ms: int
    projects: dict[int, Any]
    repositories: dict[int, Any]
    artifacts: dict[int, Any]
    blobs: dict[int, Any]
    tags: dict[int, Any]
    queue: dict[Pair, int]
    """(repository, blob) -> since."""
    references: frozenset[Pair]
    """(artifact, blob)."""
    children: frozenset[Pair]
    """(parent, child)."""
    accessories: frozenset[tuple[int, str, bool]]
    """(artifact, digest of the subject, by a tag)."""
    holdings: frozenset[Pair]
    """(repository, blob)."""
    charges: frozenset[Pair]
    """(project, blob)."""

    @classmethod
    def of(cls, ports: Ports) -> Self:
        """The rows as they are."""
        with ports.db.read() as session:

            def by_id(model: type[Base]) -> dict[int, Any]:
                return {row.id: row for row in session.execute(sa.select(*sa.inspect(model).columns))}

            def pairs(*columns: sa.SQLColumnExpression[Any]) -> frozenset[Any]:
                return frozenset(tuple(row) for row in session.execute(sa.select(*columns)))

            queue = session.execute(sa.select(ZeroReference.repository_id, ZeroReference.blob_id, ZeroReference.since))
            return cls(
                now_ms=session.execute(sa.select(clock_ms())).scalar_one(),
                projects=by_id(Project),
                repositories=by_id(Repository),
                artifacts=by_id(Artifact),
                blobs=by_id(Blob),
                tags=by_id(Tag),
                queue={(row.repository_id, row.blob_id): row.since for row in queue},
                references=pairs(ArtifactBlob.artifact_id, ArtifactBlob.blob_id),
                children=pairs(ArtifactChild.parent_id, ArtifactChild.child_id),
                accessories=pairs(Accessory.artifact_id, Accessory.subject_digest, Accessory.by_tag),
                holdings=pairs(RepositoryBlob.repository_id, RepositoryBlob.blob_id),
                charges=pairs(ProjectBlob.project_id, ProjectBlob.blob_id),
            )

    def used_in_repositories(self, without: frozenset[int] = frozenset()) -> set[Pair]:
        """(repository, blob) of every reference, but for those of some artifacts."""
        return {(self.artifacts[one].repository_id, blob) for one, blob in self.references if one not in without}

    def used_in_projects(self, without: frozenset[int] = frozenset()) -> set[Pair]:
        """(project, blob) of every reference, but for those of some artifacts."""
        return {(self.artifacts[one].project_id, blob) for one, blob in self.references if one not in without}

    def held_in_projects(self, holdings: frozenset[Pair] | set[Pair] | None = None) -> set[Pair]:
        """(project, blob) of every holding."""
        kept = self.holdings if holdings is None else holdings
        return {(self.repositories[one].project_id, blob) for one, blob in kept}


def faults(rows: Rows) -> Iterator[str]:
    """Everything in the rows that contradicts other rows, in words."""
    yield from _blob_faults(rows)
    yield from _counter_faults(rows)


def _blob_faults(rows: Rows) -> Iterator[str]:
    used, in_projects = rows.used_in_repositories(), rows.used_in_projects()
    live = {blob for blob, row in rows.blobs.items() if row.state == LIVE}
    needed = {blob for pairs in (rows.references, rows.holdings, rows.charges) for _, blob in pairs}
    queued = rows.queue.keys()
    checks: dict[str, set[Any]] = {
        "blobs needed and not live": needed - live,
        "live blobs that nothing leads to": live - needed - {blob for _, blob in queued},
        "references to what the repository does not hold": used - rows.holdings,
        "unused holdings out of the queue": set(rows.holdings - used - queued),
        "queued and used": queued & used,
        "references without a charge": in_projects - rows.charges,
        "charges for what the project does not need": set(rows.charges - in_projects - rows.held_in_projects()),
    }
    yield from (f"{what}: {sorted(wrong)}" for what, wrong in checks.items() if wrong)


def _counter_faults(rows: Rows) -> Iterator[str]:
    for project in rows.projects.values():
        charged = sum(rows.blobs[blob].size for one, blob in rows.charges if one == project.id)
        manifests = sum(one.manifest_size for one in rows.artifacts.values() if one.project_id == project.id)
        shown = [one for one in rows.repositories.values() if one.project_id == project.id and one.published]
        if project.storage_used != charged + manifests:
            yield f"{project.name} counts {project.storage_used} bytes, has {charged} + {manifests}"
        if project.repo_count != len(shown):
            yield f"{project.name} counts {project.repo_count} repositories, shows {len(shown)}"
    for repository in (one for one in rows.repositories.values() if not one.name.startswith(".deleted/")):
        own = [one for one in rows.artifacts.values() if one.repository_id == repository.id]
        listed = sum(_is_listed(rows, one.id) for one in own)
        if repository.artifact_count != listed:
            yield f"{repository.name} counts {repository.artifact_count} artifacts, lists {listed}"


def _is_listed(rows: Rows, artifact_id: int) -> bool:
    artifact = rows.artifacts[artifact_id]
    names = [tag.name for tag in rows.tags.values() if tag.artifact_id == artifact.id]
    for_itself = [name for name in names if not _names_accessory(name)]
    for _, subject, by_tag in (one for one in rows.accessories if one[0] == artifact.id):
        if not by_tag or (not for_itself and _in(rows, artifact.repository_id, subject) is not None):
            return False
    return bool(names) or all(child != artifact.id for _, child in rows.children)


def _names_accessory(tag: str) -> bool:
    return tag.startswith("sha256-") and len(tag) - 71 in (0, len(".sig"), len(".sbom"))


def _in(rows: Rows, repository_id: int, digest: str) -> int | None:
    found = (one.id for one in rows.artifacts.values() if (one.repository_id, one.digest) == (repository_id, digest))
    return next(found, None)


def doomed(rows: Rows, before: datetime) -> frozenset[int]:
    """The artifacts that go when untagged ones pushed before do: looked for again and again until there is no more."""
    gone: set[int] = set()
    while more := {one for one in rows.artifacts if one not in gone and _goes(rows, one, gone, before)}:
        gone |= more
    return frozenset(gone)


def _goes(rows: Rows, artifact_id: int, gone: set[int], before: datetime) -> bool:
    artifact = rows.artifacts[artifact_id]
    subjects = {subject: by_tag for one, subject, by_tag in rows.accessories if one == artifact_id}
    gone_subjects = {one for one in subjects if _in(rows, artifact.repository_id, one) in gone}
    stems = {subject.replace(":", "-") for subject in gone_subjects}
    names = [tag.name for tag in rows.tags.values() if tag.artifact_id == artifact_id]
    if any(name[:71] not in stems for name in names):
        return False
    if any(parent not in gone for parent, child in rows.children if child == artifact_id):
        return False
    return bool(gone_subjects) or (artifact.push_time < before and all(subjects.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a collection leaves."""

    artifacts: frozenset[int]
    blobs: frozenset[int]
    holdings: frozenset[Pair]
    charges: frozenset[Pair]
    queue: frozenset[Pair]

    @classmethod
    def of(cls, rows: Rows) -> Self:
        """What there is."""
        return cls(
            artifacts=frozenset(rows.artifacts),
            blobs=frozenset(rows.blobs),
            holdings=rows.holdings,
            charges=rows.charges,
            queue=frozenset(rows.queue),
        )


def after_collection(rows: Rows, gone: frozenset[int], window_ms: int) -> Kept:
    """What a collection leaves that deletes these artifacts."""
    used, in_projects = rows.used_in_repositories(gone), rows.used_in_projects(gone)
    lost = {(rows.artifacts[one].repository_id, blob) for one, blob in rows.references if one in gone} - used
    charges = {pair for pair in rows.charges if pair in in_projects or pair not in rows.used_in_projects()}
    old = {pair for pair, since in rows.queue.items() if since <= rows.now_ms - window_ms} | lost
    claimed = {blob for blob, row in rows.blobs.items() if row.state == LIVE and row.claimed_until >= rows.now_ms}
    taken = {(one, blob) for one, blob in old if blob not in claimed}
    holdings = rows.holdings - (taken - used)
    queue = (rows.queue.keys() | lost) - taken
    held = rows.held_in_projects(set(holdings))
    swept = {blob for _, blob in taken}
    charges = {pair for pair in charges if pair[1] not in swept or pair in in_projects or pair in held}
    needed = {blob for pairs in (used, holdings, charges, queue) for _, blob in pairs}
    return Kept(
        artifacts=frozenset(rows.artifacts.keys() - gone),
        blobs=frozenset(blob for blob in rows.blobs if blob in needed or (blob not in swept and _is_live(rows, blob))),
        holdings=frozenset(holdings),
        charges=frozenset(charges),
        queue=frozenset(queue),
    )


def _is_live(rows: Rows, blob: int) -> bool:
    return bool(rows.blobs[blob].state == LIVE)


def charges_after(before: Rows, after: Rows, given: set[Pair]) -> set[Pair]:
    """What projects are charged for after a change that gave them blobs, by pushes of blobs or mounts, or took some.

    A deleted artifact ends the charge for what no other artifact of the project refers to, held or not; what goes with
    its repository, or by itself, that for what no repository of the project holds either.
    """
    had, have = before.used_in_projects(), after.used_in_projects()
    released = set() if before.repositories.keys() - after.repositories.keys() else had - have
    kept = before.charges & (have | after.held_in_projects() - released)
    return {*kept, *given, *have}
