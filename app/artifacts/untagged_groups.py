"""The plan of the deletion of untagged artifacts: which are deleted, in which groups, and in which order.

An artifact is deleted when all indexes that list it are deleted, and the subjects of all its tags, which name it as an
accessory; any other tag keeps it. It must have been pushed before the time window and have no subject in its manifest,
or be an accessory of a deleted artifact. The deletion and the dry run use this same plan.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from app.artifacts.models import Accessory, Artifact, ArtifactChild, Tag
from app.artifacts.reachability import may_go_untagged, untagged
from app.context import Context
from app.db.parts import parts
from app.oci.accessory_tags import STEM

_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Artifacts that are deleted in one transaction, such as subjects with their accessories."""

    artifact_ids: tuple[int, ...]
    behind: frozenset[int]
    """Positions in the plan of groups with an index that lists one of these artifacts, which are deleted before."""


def plan_groups(ctx: Context, repository_id: int, before: datetime, beat: Callable[[], object]) -> list[Group]:
    """Return the groups of a repository to delete, in order; call ``beat`` regularly, as this may take minutes."""
    search = _Search(ctx, repository_id, before, beat)
    search.run()
    return _ordered(search)


def take_in_order(groups: Sequence[Group], take: Callable[[Group], bool]) -> None:
    """Call ``take``, which returns whether it took the group, for the groups in order.

    Skip a group when an index in a group that was not taken lists one of its members.
    """
    kept: set[int] = set()
    for position, group in enumerate(groups):
        if group.behind & kept or not take(group):
            kept.add(position)


def leads(ctx: Context, artifact_ids: Iterable[int]) -> tuple[dict[int, set[int]], dict[int, list[set[int]]]]:
    """Return, by artifact id, the ids of the indexes that list it, and the ids of the subjects of each of its tags.

    A tag that names no artifact of the repository as its subject has an empty set.
    """
    parents: dict[int, set[int]] = {}
    tags: dict[int, dict[int, set[int]]] = {}
    for part in parts(artifact_ids, _AT_ONCE):
        for row in ctx.rows(_PARENTS, {"ids": part}):
            parents.setdefault(row.child_id, set()).add(row.parent_id)
        for row in ctx.rows(_TAGS, {"ids": part}):
            subjects = tags.setdefault(row.artifact_id, {}).setdefault(row.tag_id, set())
            subjects.update(() if row.subject_id is None else (row.subject_id,))
    return parents, {artifact_id: list(subjects_of.values()) for artifact_id, subjects_of in tags.items()}


class _Search:
    """Finds the artifacts to delete: first the untagged ones, then those that only deleted artifacts lead to."""

    def __init__(self, ctx: Context, repository_id: int, before: datetime, beat: Callable[[], object]) -> None:
        self._ctx = ctx
        self._place = {"repository": repository_id, "before": before}
        self._beat = beat
        self._waiting: dict[int, list[int]] = {}
        """Artifact id -> ids of artifacts that are checked again when it is deleted."""
        self._tags: dict[int, list[set[int]]] = {}
        """Artifact id -> for each of its tags the subjects, of all artifacts examined."""
        self.to_delete: set[int] = set()
        """Ids of the artifacts to delete."""
        self.parents: dict[int, set[int]] = {}
        """Artifact id -> ids of the indexes that list it, of the artifacts examined."""
        self.attached: list[tuple[int, int]] = []
        """Pairs (accessory, subject) in which the subject is deleted."""

    def run(self) -> None:
        """Find all artifacts to delete."""
        latest = set(self._roots())
        while latest:
            self.to_delete |= latest
            candidates = self._candidates(latest) - self.to_delete
            self._examine(candidates - self._tags.keys())
            latest = {candidate for candidate in candidates if self._is_deletable(candidate)}

    def _roots(self) -> Iterator[int]:
        cursor = 0
        while page := self._rows(_ROOTS, {**self._place, "cursor": cursor, "limit": _AT_ONCE}):
            yield from (row.id for row in page)
            cursor = page[-1].id

    def _candidates(self, latest: AbstractSet[int]) -> set[int]:
        """Return the artifacts to check after the latest: their children, accessories, and those waiting for them."""
        candidates = {waiting for artifact_id in latest for waiting in self._waiting.pop(artifact_id, ())}
        for part in parts(latest, _AT_ONCE):
            candidates.update(row.child_id for row in self._rows(_CHILDREN, {**self._place, "ids": part}))
            attached = [(row.artifact_id, row.subject_id) for row in self._rows(_ATTACHED, {"ids": part})]
            candidates.update(accessory for accessory, _ in attached)
            self.attached += attached
        return candidates

    def _examine(self, candidates: AbstractSet[int]) -> None:
        """Load the indexes and subjects of the candidates, and let the candidates wait for those not deleted."""
        self._beat()
        parents, tags = leads(self._ctx, candidates)
        self.parents |= parents
        for candidate in candidates:
            self._tags[candidate] = tags.get(candidate, [])
            for blocker in set().union(parents.get(candidate, ()), *self._tags[candidate]) - self.to_delete:
                self._waiting.setdefault(blocker, []).append(candidate)

    def _is_deletable(self, artifact_id: int) -> bool:
        parents = self.parents.get(artifact_id, set())
        return parents <= self.to_delete and all(subjects & self.to_delete for subjects in self._tags[artifact_id])

    def _rows(self, statement: sa.Executable, parameters: dict[str, Any]) -> Sequence[sa.Row[Any]]:
        self._beat()
        return self._ctx.rows(statement, parameters)


def _ordered(search: _Search) -> list[Group]:
    """Group accessories with their subjects, and order the groups so that indexes come before their children.

    Groups whose indexes list each other's members become one group, the last.
    """
    members = _together(search)
    group_of = {artifact_id: group for group, artifact_ids in members.items() for artifact_id in artifact_ids}
    behind: dict[int, set[int]] = {group: set() for group in members}
    ahead: dict[int, set[int]] = {group: set() for group in members}
    for child in search.parents.keys() & search.to_delete:
        for group in {group_of[parent] for parent in search.parents[child]} - {group_of[child]}:
            behind[group_of[child]].add(group)
            ahead[group].add(group_of[child])
    left = {group: len(before) for group, before in behind.items()}
    order = sorted(group for group, count in left.items() if not count)
    for group in order:
        for follower in sorted(ahead[group]):
            left[follower] -= 1
            if not left[follower]:
                order.append(follower)
    position_of = {group: position for position, group in enumerate(order)}
    groups = [
        Group(artifact_ids=tuple(members[group]), behind=frozenset(position_of[before] for before in behind[group]))
        for group in order
    ]
    circular = members.keys() - position_of.keys()
    if circular:
        whole = tuple(artifact_id for group in sorted(circular) for artifact_id in members[group])
        first = {position_of[before] for group in circular for before in behind[group] if before in position_of}
        groups.append(Group(artifact_ids=whole, behind=frozenset(first)))
    return groups


def _together(search: _Search) -> dict[int, list[int]]:
    """Return the artifacts to delete, grouped with their accessories, by the lowest id of the group (union-find)."""
    first = {artifact_id: artifact_id for artifact_id in search.to_delete}

    def find(artifact_id: int) -> int:
        while first[artifact_id] != artifact_id:
            first[artifact_id] = artifact_id = first[first[artifact_id]]
        return artifact_id

    for pair in search.attached:
        if search.to_delete.issuperset(pair):
            accessory, subject = map(find, pair)
            first[max(accessory, subject)] = min(accessory, subject)
    members: dict[int, list[int]] = {}
    for artifact_id in sorted(search.to_delete):
        members.setdefault(find(artifact_id), []).append(artifact_id)
    return members


_SUBJECT = aliased(Artifact)
_IDS: sa.BindParameter[list[int]] = sa.bindparam("ids", expanding=True)
_IN_REPOSITORY = Artifact.repository_id == sa.bindparam("repository")
_ROOTS: Final = (
    sa.select(Artifact.id)
    .where(_IN_REPOSITORY, untagged(), Artifact.id > sa.bindparam("cursor"))
    .order_by(Artifact.id)
    .limit(sa.bindparam("limit"))
)
_CHILDREN: Final = (
    sa.select(ArtifactChild.child_id)
    .distinct()
    .join(Artifact, Artifact.id == ArtifactChild.child_id)
    .where(_IN_REPOSITORY, ArtifactChild.parent_id.in_(_IDS), may_go_untagged())
)
_IS_SUBJECT = sa.and_(_SUBJECT.repository_id == Accessory.repository_id, _SUBJECT.digest == Accessory.subject_digest)
_ATTACHED: Final = (
    sa.select(Accessory.artifact_id, _SUBJECT.id.label("subject_id"))
    .join(_SUBJECT, _IS_SUBJECT)
    .where(_SUBJECT.id.in_(_IDS), _SUBJECT.id != Accessory.artifact_id)
)
_PARENTS: Final = sa.select(ArtifactChild.child_id, ArtifactChild.parent_id).where(ArtifactChild.child_id.in_(_IDS))
_NAMES_SUBJECT = sa.func.substr(Tag.name, 1, STEM) == sa.func.replace(Accessory.subject_digest, ":", "-")
_TAGS: Final = (
    sa.select(Tag.artifact_id, Tag.id.label("tag_id"), _SUBJECT.id.label("subject_id"))
    .select_from(Tag)
    .outerjoin(Accessory, sa.and_(Accessory.artifact_id == Tag.artifact_id, _NAMES_SUBJECT))
    .outerjoin(_SUBJECT, _IS_SUBJECT)
    .where(Tag.artifact_id.in_(_IDS))
)
