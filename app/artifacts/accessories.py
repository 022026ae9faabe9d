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
    total: int
    last: int | None
    """Where the next page continues; None at the end."""


class AccessoryService:
    """Lists what refers to a subject; the caller's right to pull from the repository was checked at the door."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def referrers(self, query: "ReferrersQuery", *, public_only: bool = False) -> Referrers:
        """Return the referrers in the order they came, at most 4 MiB of them; none for what does not exist."""
        db = self._ctx.ports.db
        if public_only:
            require_public(db, query.repository)
        wanted = {"repository": query.repository, "subject": query.subject, "last": query.last}
        filtered = query.artifact_type is not None
        if filtered:
            wanted["type"] = query.artifact_type
        found = db.rows(_SIZES_OF_TYPE if filtered else _SIZES, wanted | {"limit": query.limit + 1})
        ids = _page([(row.id, row.size) for row in found], query.limit)
        total = len(found)
        if len(found) > query.limit or query.last:
            total = db.rows(_TOTAL_OF_TYPE if filtered else _TOTAL, wanted)[0][0]
        descriptors = tuple(bytes(row[0]) for row in db.rows(_DESCRIPTORS, {"ids": ids})) if ids else ()
        return Referrers(descriptors=descriptors, total=total, last=ids[-1] if ids and len(ids) < len(found) else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferrersQuery:
    """Which referrers are wanted."""

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
    """Record an artifact's subject, when it has one, with the descriptor ready for the referrers list."""
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
    """The subjects that the tags name, each with its tag, for a manifest that names none; never the manifest itself."""
    if referrer.manifest.subject is not None:
        return {}
    named = {subject: tag for tag in tags if (subject := subject_or_none(tag, referrer.manifest))}
    return {subject: tag for subject, tag in named.items() if subject != referrer.digest}


def attach_by_tags(session: Session, referrer: Referrer, subjects: Mapping[str, str], now: datetime) -> bool:
    """Record ``subjects_by_tags``; False when all of them were known."""
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


def _page(found: list[tuple[int, int]], limit: int) -> list[int]:
    ids: list[int] = []
    room = PAGE_BYTES
    for accessory_id, size in found[:limit]:
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
