"""Search repositories by name, and artifacts by digest or tag, within the projects that a caller sees."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from app.artifacts.models import Artifact, Repository, Standing, Tag
from app.context import Context
from app.db.name_search import MOST_EXAMINED, Names
from app.projects.matching import VisibleNames
from app.projects.models import Project
from app.projects.permitted import permitted_projects

_DIGEST: Final = re.compile(r"(?:(sha256|sha512):)?([0-9a-f]{7,128})")
_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_AFTER: Final = "~"
"""Sorts after every character of a digest or a tag."""
_CHART: Final = "CHART"
_Select = sa.Select[*tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRepository:
    """A repository that a search found, with its project."""

    id: int
    name: str
    project_id: int
    project_name: str
    project_public: bool
    pull_count: int
    artifact_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundArtifact:
    """An artifact that a search found by its digest, or by a tag."""

    id: int
    digest: str
    kind: str
    size: int
    push_time: datetime
    tag: str
    """The tag that matched; empty for a match of the digest."""
    repository_name: str
    project_id: int
    project_name: str
    project_public: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundChart:
    """A repository whose newest artifact is a Helm chart, with what the chart says of itself."""

    repository_name: str
    facts: Mapping[str, Any]
    score: int = 0
    """Kept for clients made for Harbor before 2.8."""


def find_repositories(ctx: Context, text: str, limit: int) -> list[FoundRepository]:
    """Return at most ``limit`` visible repositories whose name holds the text, best matches first."""
    rows = _REPOSITORIES.find(ctx, text, limit)
    return [FoundRepository(**{name: getattr(row, name) for name in _FIELDS}) for row in rows]


def find_artifacts(ctx: Context, text: str, limit: int) -> list[FoundArtifact]:
    """Return at most ``limit`` artifacts in projects where the caller may list them.

    The text is the beginning of a digest, with or without its algorithm and of at least seven characters, or of a tag,
    which may follow a part of a repository's name and a colon. Of more than MOST_EXAMINED repositories or matches the
    first are looked at.
    """
    text = text.strip()
    permitted = permitted_projects(ctx.principal, "artifact", "list")
    found: list[FoundArtifact] = []
    with ctx.read() as session:
        if digest := _DIGEST.fullmatch(text.lower()):
            beginning = f"{digest[1] or 'sha256'}:{digest[2]}"
            found += _artifacts(session.execute(_by_digest(permitted), _bounds(beginning, limit)).all())
        name, colon, tag = text.rpartition(":")
        if _TAG.fullmatch(tag):
            ids = [one.id for one in find_repositories(ctx, name, MOST_EXAMINED)] if colon else None
            if ids is None or ids:
                statement = _by_tag(permitted, ids)
                found += _artifacts(session.execute(statement, _bounds(tag, limit)).all())
    return found[:limit]


def find_charts(ctx: Context, repositories: Sequence[FoundRepository]) -> list[FoundChart]:
    """Return the charts among these repositories: those whose newest artifact is one, if the caller may list it."""
    permitted = permitted_projects(ctx.principal, "artifact", "list")
    statement = _CHARTS.where(Repository.id.in_([one.id for one in repositories]), permitted)
    with ctx.read() as session:
        rows = {row.id: row for row in session.execute(statement)}
    charts = [rows[one.id] for one in repositories if one.id in rows]
    return [FoundChart(repository_name=row.name, facts=row.extra_attrs or {}) for row in charts]


def _artifacts(rows: Sequence[sa.Row[Any]]) -> list[FoundArtifact]:
    return [FoundArtifact(**row._asdict()) for row in rows]


def _bounds(beginning: str, limit: int) -> dict[str, object]:
    return {"text": beginning, "end": beginning + _AFTER, "limit": limit}


def _by_digest(permitted: sa.ColumnElement[bool]) -> _Select:
    begins = Artifact.digest >= _TEXT, Artifact.digest < _END
    matched = sa.select(Artifact.id).where(*begins).order_by(Artifact.digest, Artifact.id).limit(_MOST).cte("matched")
    rows = _shown(sa.literal("", sa.String)).join_from(matched, Artifact, Artifact.id == matched.c.id)
    return _in_projects(rows, permitted).order_by(Artifact.digest, Artifact.id)


def _by_tag(permitted: sa.ColumnElement[bool], repositories: Sequence[int] | None) -> _Select:
    matching = sa.select(Tag.artifact_id, Tag.name).where(Tag.name >= _TEXT, Tag.name < _END)
    if repositories is not None:
        matching = matching.where(Tag.repository_id.in_(repositories))
    matched = matching.order_by(Tag.name, Tag.artifact_id).limit(_MOST).cte("matched")
    rows = _shown(matched.c.name).join_from(matched, Artifact, Artifact.id == matched.c.artifact_id)
    return _in_projects(rows, permitted).order_by(matched.c.name, Artifact.id)


def _shown(tag: sa.ColumnElement[str]) -> _Select:
    return sa.select(
        Artifact.id,
        Artifact.digest,
        Artifact.kind,
        Artifact.size,
        Artifact.push_time,
        tag.label("tag"),
        Repository.name.label("repository_name"),
        Project.id.label("project_id"),
        Project.name.label("project_name"),
        Project.public.label("project_public"),
    )


def _in_projects(rows: _Select, permitted: sa.ColumnElement[bool]) -> _Select:
    return (
        rows.join(Repository, Repository.id == Artifact.repository_id)
        .join(Project, Project.id == Artifact.project_id)
        .where(permitted, Repository.published)
        .limit(_LIMIT)
    )


_FIELDS: Final = ("id", "name", "project_id", "project_name", "project_public", "pull_count", "artifact_count")
_REPOSITORIES: Final = VisibleNames(
    Names(
        id=Repository.id,
        names=(Repository.name, Repository.path),
        index="search_repository",
        shown=(Repository.project_id, Repository.pull_count, Repository.artifact_count),
        only=Repository.published.is_(sa.true()),
    ),
    Repository.project_id,
    ("repository", "list"),
)
_TEXT: Final = sa.bindparam("text", type_=sa.String)
_END: Final = sa.bindparam("end", type_=sa.String)
_LIMIT: Final = sa.bindparam("limit", type_=sa.Integer)
_MOST: Final = sa.literal(MOST_EXAMINED, sa.Integer)
_NEWEST = (
    sa.select(Artifact.id)
    .where(Artifact.repository_id == Repository.id, Artifact.standing == Standing.LISTED)
    .order_by(Artifact.push_time.desc(), Artifact.id.desc())
    .limit(1)
    .correlate(Repository)
    .scalar_subquery()
)
_CHARTS: Final = (
    sa.select(Repository.id, Repository.name, Artifact.extra_attrs)
    .join(Artifact, Artifact.id == _NEWEST)
    .join(Project, Project.id == Repository.project_id)
    .where(Artifact.kind == _CHART)
)
