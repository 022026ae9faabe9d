"""Which artifacts of a repository go for want of a tag, which of them together, and in which order.

An artifact goes when whatever leads to it goes: each index that lists it, and the subject of each tag that names it as
an accessory; other tags keep it. It must have been pushed before the window and name no subject in its manifest, or be
an accessory of something that goes. Deletion and dry run go by this one plan.
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
    """Artifacts that go in one transaction, as accessories do with their subjects."""

    artifact_ids: tuple[int, ...]
    behind: frozenset[int]
    """Places in the plan of the groups whose indexes list one of these, and go first."""


def plan_groups(ctx: Context, repository_id: int, before: datetime, beat: Callable[[], object]) -> list[Group]:
    """Plan what goes of a repository; ``beat`` is called now and then, as a large one takes minutes."""
    search = _Search(ctx, repository_id, before, beat)
    search.run()
    return _ordered(search)


def take_in_order(groups: Sequence[Group], take: Callable[[Group], bool]) -> None:
    """Take the groups in order; one that is not taken keeps those whose members its indexes list."""
    kept: set[int] = set()
    for place, group in enumerate(groups):
        if group.behind & kept or not take(group):
            kept.add(place)


def leads(ctx: Context, artifact_ids: Iterable[int]) -> tuple[dict[int, set[int]], dict[int, list[set[int]]]]:
    """Return what leads to each artifact: the indexes that list it, and for each of its tags the subjects it is about.

    A tag about no subject of the repository is a set of none.
    """
    parents: dict[int, set[int]] = {}
    tags: dict[int, dict[int, set[int]]] = {}
    for part in parts(artifact_ids, _AT_ONCE):
        for row in ctx.rows(_PARENTS, {"ids": part}):
            parents.setdefault(row.child_id, set()).add(row.parent_id)
        for row in ctx.rows(_TAGS, {"ids": part}):
            about = tags.setdefault(row.artifact_id, {}).setdefault(row.tag_id, set())
            about.update(() if row.subject_id is None else (row.subject_id,))
    return parents, {artifact_id: list(named.values()) for artifact_id, named in tags.items()}


class _Search:
    """The search for what goes: from the untagged artifacts to what nothing else leads to."""

    def __init__(self, ctx: Context, repository_id: int, before: datetime, beat: Callable[[], object]) -> None:
        self._ctx = ctx
        self._place = {"repository": repository_id, "before": before}
        self._beat = beat
        self._waiting: dict[int, list[int]] = {}
        """Artifact -> those that wait for it to go."""
        self._tags: dict[int, list[set[int]]] = {}
        self.doomed: set[int] = set()
        self.parents: dict[int, set[int]] = {}
        """Of what was looked at and is listed by an index."""
        self.attached: list[tuple[int, int]] = []
        """Pairs of an accessory and a subject that goes."""

    def run(self) -> None:
        """Find everything that goes."""
        latest = set(self._roots())
        while latest:
            self.doomed |= latest
            candidates = self._candidates(latest) - self.doomed
            self._look_at(candidates - self._tags.keys())
            latest = {each for each in candidates if self._goes(each)}

    def _roots(self) -> Iterator[int]:
        cursor = 0
        while page := self._rows(_ROOTS, {**self._place, "cursor": cursor, "limit": _AT_ONCE}):
            yield from (row.id for row in page)
            cursor = page[-1].id

    def _candidates(self, latest: AbstractSet[int]) -> set[int]:
        """What may go now that the latest do: their children and accessories, and what waited for them."""
        candidates = {each for artifact_id in latest for each in self._waiting.pop(artifact_id, ())}
        for part in parts(latest, _AT_ONCE):
            candidates.update(row.child_id for row in self._rows(_CHILDREN, {**self._place, "ids": part}))
            attached = [(row.artifact_id, row.subject_id) for row in self._rows(_ATTACHED, {"ids": part})]
            candidates.update(accessory for accessory, _ in attached)
            self.attached += attached
        return candidates

    def _look_at(self, candidates: AbstractSet[int]) -> None:
        """Learn what leads to the candidates, and let them wait for it."""
        self._beat()
        parents, tags = leads(self._ctx, candidates)
        self.parents |= parents
        for each in candidates:
            self._tags[each] = tags.get(each, [])
            for blocker in set().union(parents.get(each, ()), *self._tags[each]) - self.doomed:
                self._waiting.setdefault(blocker, []).append(each)

    def _goes(self, artifact_id: int) -> bool:
        parents = self.parents.get(artifact_id, set())
        return parents <= self.doomed and all(about & self.doomed for about in self._tags[artifact_id])

    def _rows(self, statement: sa.Executable, parameters: dict[str, Any]) -> Sequence[sa.Row[Any]]:
        self._beat()
        return self._ctx.rows(statement, parameters)


def _ordered(search: _Search) -> list[Group]:
    """Put accessories and subjects together, and groups behind those whose indexes list one of theirs.

    Groups that list each other's members go together.
    """
    members = _together(search)
    group_of = {artifact_id: group for group, artifact_ids in members.items() for artifact_id in artifact_ids}
    behind: dict[int, set[int]] = {group: set() for group in members}
    ahead: dict[int, set[int]] = {group: set() for group in members}
    for child in search.parents.keys() & search.doomed:
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
    place = {group: position for position, group in enumerate(order)}
    groups = [
        Group(artifact_ids=tuple(members[group]), behind=frozenset(place[each] for each in behind[group]))
        for group in order
    ]
    circular = members.keys() - place.keys()
    if circular:
        whole = tuple(artifact_id for group in sorted(circular) for artifact_id in members[group])
        first = {place[each] for group in circular for each in behind[group] if each in place}
        groups.append(Group(artifact_ids=whole, behind=frozenset(first)))
    return groups


def _together(search: _Search) -> dict[int, list[int]]:
    """The artifacts that go, by the first of those that accessories join."""
    first = {artifact_id: artifact_id for artifact_id in search.doomed}

    def find(artifact_id: int) -> int:
        while first[artifact_id] != artifact_id:
            first[artifact_id] = artifact_id = first[first[artifact_id]]
        return artifact_id

    for pair in search.attached:
        if search.doomed.issuperset(pair):
            one, other = map(find, pair)
            first[max(one, other)] = min(one, other)
    members: dict[int, list[int]] = {}
    for artifact_id in sorted(search.doomed):
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
