"""Tags that immutability rules protect: the admission checks that keep them, and their mark in lists."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import Repository, Tag
from app.artifacts.subjects import ContentSubject, Deletion, RepositoryDeletion, Tagging, Untagging
from app.artifacts.views import TagView
from app.context import Context
from app.core.errors import TagImmutable
from app.immutability.results import RuleView
from app.immutability.service import guard_of, guards_of
from app.oci.accessory_tags import tags_about

STATUS: Final = "with_immutable_status"
"""The query parameter that asks for the mark."""
_PAGE: Final = 1000


def require_movable_tags(ctx: Context, subject: Tagging) -> None:
    """Raise TagImmutable when a tag that a rule protects would move to another artifact; new tags are free."""
    _require_free(ctx, subject, subject.moved, "updated")


def require_removable_tags(ctx: Context, subject: Untagging) -> None:
    """Raise TagImmutable when a rule protects one of the tags, except those about artifacts that are deleted."""
    _require_free(ctx, subject, _not_about(subject.subjects, subject.tags), "deleted")


def require_deletable_artifacts(ctx: Context, subject: Deletion) -> None:
    """Raise TagImmutable when a rule protects a tag of the artifacts, except tags about one that goes, too."""
    _require_free(ctx, subject, _not_about(subject.digests, subject.tags), "deleted")


def require_deletable_repository(ctx: Context, subject: RepositoryDeletion) -> None:
    """Raise TagImmutable when a rule protects any tag of the repository."""
    guard = guard_of(ctx, subject.project_id)
    if guard is not None and (rules := guard.of_repository(subject.repository)):
        for name in _names(ctx, subject.repository):
            if rule := rules.rule_or_none(name):
                raise _immutable(subject, name, rule, "deleted")


def marked(session: Session, tags: Sequence[TagView]) -> list[TagView]:
    """Return the tags, in the order of their repositories' ids, with the mark of those that a rule protects."""
    by_repository = sorted(tags, key=lambda tag: tag.repository_id)
    repository_ids = {tag.repository_id for tag in tags}
    places = {row.id: row for row in session.execute(_PLACES, {"ids": list(repository_ids)})} if tags else {}
    guards = guards_of(session, {place.project_id for place in places.values()})
    found: list[TagView] = []
    for repository_id, own in groupby(by_repository, key=lambda tag: tag.repository_id):
        place = places[repository_id]
        rules = guards[place.project_id].of_repository(place.name)
        found += [replace(tag, immutable=rules.rule_or_none(tag.name) is not None) for tag in own]
    return found


def _require_free(ctx: Context, subject: ContentSubject, names: Sequence[str], done: str) -> None:
    guard = guard_of(ctx, subject.project_id) if names else None
    if guard is not None and (rules := guard.of_repository(subject.repository)):
        for name in names:
            if rule := rules.rule_or_none(name):
                raise _immutable(subject, name, rule, done)


def _not_about(digests: Iterable[str], names: Sequence[str]) -> Sequence[str]:
    """Return the names but those that only tell what an artifact says about one of the digests."""
    about = {name for digest in digests for name in tags_about(digest)} if names else set()
    return [name for name in names if name not in about]


def _names(ctx: Context, repository: str) -> Iterator[str]:
    last = ""
    while rows := ctx.rows(_NAMES, {"repository": repository, "last": last, "limit": _PAGE}):
        for row in rows:
            last = row.name
            yield last


def _immutable(subject: ContentSubject, name: str, rule: RuleView, done: str) -> TagImmutable:
    return TagImmutable(
        f"tag {name} of {subject.repository} is configured as immutable, cannot be {done}: "
        f"rule {rule.id} of the project protects it",
        detail={"tag": name, "rule": rule.id},
    )


_PLACES: Final[sa.Select[int, int, str]] = sa.select(Repository.id, Repository.project_id, Repository.name).where(
    Repository.id.in_(sa.bindparam("ids", expanding=True))
)
_NAMES: Final = (
    sa.select(Tag.name)
    .join(Repository, Repository.id == Tag.repository_id)
    .where(Repository.name == sa.bindparam("repository"), Tag.name > sa.bindparam("last"))
    .order_by(Tag.name)
    .limit(sa.bindparam("limit", type_=sa.Integer()))
)
