"""Accessories: artifacts with a subject, and the referrers list of a subject."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import Accessory, Repository
from app.artifacts.repositories import require_public
from app.context import Context
from app.db.conflict import insert_absent
from app.oci.accessory_tags import subject_or_none, tagged_kind
from app.oci.artifact_types import accessory_kind
from app.oci.manifests import Manifest
from app.oci.referrers import referrer_descriptor

PAGE_ROWS: Final = 1000
PAGE_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrers:
    """A page of the referrers of a subject."""

    descriptors: tuple[bytes, ...]
    """JSON descriptors."""
    total: int
    """The number of referrers on all pages."""
    last: int | None
    """The position after which the next page starts; None on the last page."""


class AccessoryService:
    """Lists the referrers of a subject; the registry edge has checked the caller's right to pull before."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def referrers(self, query: "ReferrersQuery", *, public_only: bool = False) -> Referrers:
        """Return a page of the referrers, oldest first, at most 4 MiB; an empty page for an unknown subject.

        With ``public_only`` raise UnauthenticatedError unless the repository's project is public.
        """
        ctx = self._ctx
        if public_only:
            require_public(ctx, query.repository)
        parameters = {"repository": query.repository, "subject": query.subject, "last": query.last}
        filtered = query.artifact_type is not None
        if filtered:
            parameters["type"] = query.artifact_type
        rows = ctx.prepared_rows(_SIZES_OF_TYPE if filtered else _SIZES, parameters | {"limit": query.limit + 1})
        ids = _page([(row.id, row.size) for row in rows], query.limit)
        total = len(rows)
        if len(rows) > query.limit or query.last:
            total = ctx.prepared_rows(_TOTAL_OF_TYPE if filtered else _TOTAL, parameters)[0][0]
        descriptors = tuple(bytes(row[0]) for row in ctx.prepared_rows(_DESCRIPTORS, {"ids": ids})) if ids else ()
        return Referrers(descriptors=descriptors, total=total, last=ids[-1] if ids and len(ids) < len(rows) else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferrersQuery:
    """A request for a page of the referrers of a subject."""

    repository: str
    subject: str
    artifact_type: str | None = None
    last: int = 0
    limit: int = PAGE_ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class Referrer:
    """An artifact of a repository that may have a subject."""

    artifact_id: int
    repository_id: int
    manifest: Manifest
    digest: str
    size: int
    """Bytes of the manifest."""


def attach(session: Session, referrer: Referrer, now: datetime) -> None:
    """Store an artifact as an accessory of the subject in its manifest, with its descriptor for the referrers list.

    Do nothing for a manifest without a subject.
    """
    manifest = referrer.manifest
    if manifest.subject is None:
        return
    row = {
        "artifact_id": referrer.artifact_id,
        "repository_id": referrer.repository_id,
        "subject_digest": manifest.subject.digest,
        "kind": accessory_kind(manifest),
        "artifact_type": manifest.artifact_type,
        "descriptor": referrer_descriptor(manifest, referrer.digest, referrer.size),
        "creation_time": now,
    }
    session.connection().execute(_NEW, row)


def subjects_by_tags(referrer: Referrer, tags: Sequence[str]) -> Mapping[str, str]:
    """Return subject digest -> tag for the tags that name a subject other than the artifact itself.

    Return an empty map for a manifest that names a subject itself.
    """
    if referrer.manifest.subject is not None:
        return {}
    tag_of = {subject: tag for tag in tags if (subject := subject_or_none(tag, referrer.manifest))}
    return {subject: tag for subject, tag in tag_of.items() if subject != referrer.digest}


def attach_by_tags(session: Session, referrer: Referrer, subjects: Mapping[str, str], now: datetime) -> bool:
    """Store an artifact as an accessory of the subjects of ``subjects_by_tags``; return False when it was already."""
    rows = [
        {
            "artifact_id": referrer.artifact_id,
            "repository_id": referrer.repository_id,
            "subject_digest": subject,
            "kind": tagged_kind(tag, referrer.manifest),
            "artifact_type": referrer.manifest.artifact_type,
            "descriptor": b"",
            "creation_time": now,
            "by_tag": True,
        }
        for subject, tag in subjects.items()
    ]
    statement = insert_absent(session, Accessory).returning(Accessory.id)
    return bool(session.connection().execute(statement.values(rows)).all())


def _page(sizes: list[tuple[int, int]], limit: int) -> list[int]:
    """Return the first ids of the (id, size) pairs: at most ``limit``, of at most ``PAGE_BYTES`` together."""
    ids: list[int] = []
    room = PAGE_BYTES
    for accessory_id, size in sizes[:limit]:
        room -= size
        if room < 0 and ids:
            break
        ids.append(accessory_id)
    return ids


_NEW = sa.insert(Accessory)
_OF_SUBJECT = (
    sa.select(Accessory.id, sa.func.length(Accessory.descriptor).label("size"))
    .join(Repository, Repository.id == Accessory.repository_id)
    .where(
        Repository.name == sa.bindparam("repository"),
        Accessory.subject_digest == sa.bindparam("subject"),
        Accessory.by_tag.is_(sa.false()),
    )
)
_OF_TYPE = Accessory.artifact_type == sa.bindparam("type")
_SIZES = (
    _OF_SUBJECT.where(Accessory.id > sa.bindparam("last"))
    .order_by(Accessory.id)
    .limit(sa.bindparam("limit", type_=sa.Integer()))
)
_SIZES_OF_TYPE = _SIZES.where(_OF_TYPE)
_COUNTED = _OF_SUBJECT.with_only_columns(sa.func.count())
_TOTAL, _TOTAL_OF_TYPE = _COUNTED, _COUNTED.where(_OF_TYPE)
_DESCRIPTORS = (
    sa.select(Accessory.descriptor).where(Accessory.id.in_(sa.bindparam("ids", expanding=True))).order_by(Accessory.id)
)
