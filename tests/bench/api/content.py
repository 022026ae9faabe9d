"""Artifacts and repositories of the measured installation, put into its database by bulk inserts."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import Accessory, Artifact, ArtifactLabel, Repository, Standing, Tag
from app.core.media_types import OCI_CONFIG, OCI_MANIFEST
from app.db.base import Base
from app.db.parts import parts
from app.labels.models import Label
from app.projects.models import Project

IMAGES: Final = "images"
"""The repository of many artifacts, in the project of many members."""
ALL_IN_ONE: Final = "all-in-one"
"""The project that holds every second repository."""
TAGGED: Final = "tagged"
"""The repository of one artifact with a thousand tags."""
TAGS: Final = 1_000
_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_FACTS: Final = {
    "architecture": "amd64",
    "os": "linux",
    "created": "2026-01-02T03:04:05Z",
    "author": "",
    "config": {"Cmd": ["sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
}


def add_repositories(session: Session, total: int) -> None:
    """Fill up to ``total`` repositories: half of them in ALL_IN_ONE, the others spread over the projects."""
    if not total:
        return
    known = session.execute(sa.select(sa.func.count()).select_from(Repository)).scalar_one()
    one = session.execute(sa.select(Project.id).where(Project.name == ALL_IN_ONE)).scalar_one()
    others = session.execute(
        sa.select(Project.id, Project.name).where(Project.name.startswith("project-")).order_by(Project.id)
    ).all()
    rows: list[dict[str, object]] = []
    for number in range(known, total):
        at = others[number % len(others)]
        project_id, project = (one, ALL_IN_ONE) if number % 2 else (at.id, at.name)
        moment = _START + timedelta(seconds=number * 7919 % 5_000_000)
        rows.append(
            {
                "project_id": project_id,
                "name": f"{project}/service-{number}",
                "published": True,
                "pull_count": number * 7919 % 10_007,
                "creation_time": moment,
                "update_time": moment + timedelta(seconds=number % 1_000),
            }
        )
    _insert(session, Repository, rows)
    own = sa.select(sa.func.count()).where(Repository.project_id == Project.id, Repository.published)
    session.execute(sa.update(Project).values(repo_count=own.scalar_subquery()))


def add_artifacts(session: Session, project: str, total: int) -> None:
    """Fill IMAGES of the project up to ``total`` tagged artifacts, each with a label and an accessory."""
    if not total:
        return
    repository_id, project_id = _repository(session, project, IMAGES)
    label_id = _label(session)
    listed = Artifact.repository_id == repository_id, Artifact.standing == Standing.LISTED
    known = session.execute(sa.select(sa.func.count()).select_from(Artifact).where(*listed)).scalar_one()
    images = [_artifact(repository_id, project_id, number, Standing.LISTED) for number in range(known, total)]
    signatures = [_artifact(repository_id, project_id, number, Standing.ACCESSORY) for number in range(known, total)]
    _insert(session, Artifact, [*images, *signatures])
    found = session.execute(sa.select(Artifact.digest, Artifact.id).where(Artifact.repository_id == repository_id))
    ids: dict[str, int] = {row.digest: row.id for row in found}
    moments = {"push_time": _START, "creation_time": _START}
    tags = [
        {"repository_id": repository_id, "artifact_id": ids[image["digest"]], "name": f"v{number}"}
        for number, image in enumerate(images, known)
    ]
    _insert(session, Tag, [tag | {"push_time": moments["push_time"]} for tag in tags])
    _insert(session, ArtifactLabel, [{"artifact_id": tag["artifact_id"], "label_id": label_id} for tag in tags])
    attached = [
        {
            "artifact_id": ids[signature["digest"]],
            "repository_id": repository_id,
            "subject_digest": image["digest"],
            "kind": "signature.cosign",
            "descriptor": b"{}",
            "creation_time": _START,
        }
        for image, signature in zip(images, signatures, strict=True)
    ]
    _insert(session, Accessory, attached)
    session.execute(
        sa.update(Repository).where(Repository.id == repository_id).values(artifact_count=max(known, total))
    )


def add_tagged(session: Session, project: str) -> str:
    """Make the artifact of TAGGED with its tags anew and return its digest."""
    repository_id, project_id = _repository(session, project, TAGGED)
    artifact = _artifact(repository_id, project_id, 0, Standing.LISTED)
    artifact_id = session.execute(sa.insert(Artifact).returning(Artifact.id), [artifact]).scalar_one()
    tag = {"repository_id": repository_id, "artifact_id": artifact_id, "push_time": _START}
    _insert(session, Tag, [tag | {"name": f"v{number}"} for number in range(TAGS)])
    session.execute(sa.update(Repository).where(Repository.id == repository_id).values(artifact_count=1))
    return str(artifact["digest"])


def _repository(session: Session, project: str, name: str) -> tuple[int, int]:
    """Return the ids of the repository, which is made when it does not exist, and of its project."""
    project_id = session.execute(sa.select(Project.id).where(Project.name == project)).scalar_one()
    full = f"{project}/{name}"
    found = session.execute(sa.select(Repository.id).where(Repository.name == full)).scalar_one_or_none()
    if found is None:
        moments = {"creation_time": _START, "update_time": _START}
        row = {"project_id": project_id, "name": full, "published": True, **moments}
        found = session.execute(sa.insert(Repository).returning(Repository.id), [row]).scalar_one()
    return found, project_id


def _label(session: Session) -> int:
    name = "measured"
    found = session.execute(sa.select(Label.id).where(Label.name == name)).scalar_one_or_none()
    if found is None:
        row = {"name": name, "creation_time": _START, "update_time": _START}
        found = session.execute(sa.insert(Label).returning(Label.id), [row]).scalar_one()
    return found


def _artifact(repository_id: int, project_id: int, number: int, standing: Standing) -> dict[str, Any]:
    digest = sha256(f"{repository_id} {number} {standing}".encode()).hexdigest()
    return {
        "repository_id": repository_id,
        "project_id": project_id,
        "digest": f"sha256:{digest}",
        "kind": "IMAGE",
        "manifest_media_type": OCI_MANIFEST,
        "media_type": OCI_CONFIG,
        "artifact_type": OCI_CONFIG,
        "size": number * 7919 % 1_000_003,
        "manifest_size": 500,
        "extra_attrs": _FACTS,
        "push_time": _START + timedelta(seconds=number),
        "standing": standing,
    }


def _insert(session: Session, model: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    for some in parts(rows):
        session.execute(sa.insert(model), some)
