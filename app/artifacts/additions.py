"""Use case of the management API for additions: what is inside an artifact, read when it is asked for."""

from typing import Any

import sqlalchemy as sa

from app.artifacts.models import Artifact, ManifestBody
from app.artifacts.processors.processor import Addition, AdditionName, AdditionUnknown
from app.artifacts.processors.stored_artifact import stored_or_none
from app.artifacts.processors.table import processor_of
from app.artifacts.service import find_artifact
from app.context import Context
from app.core.errors import InvalidError, ManifestUnknown
from app.projects.rights import require_in_project

NOT_SCANNED = Addition(content=b"{}", content_type="application/json")
"""The vulnerabilities of an artifact without a report."""


class AdditionService:
    """The additions of artifacts. All raise RepositoryUnknown, ManifestUnknown and as ``rights.require_in_project``."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def find(self, project: str, repository: str, reference: str, name: AdditionName) -> Addition:
        """Return an addition of the artifact of a tag or digest, read from its stored content.

        Raises: InvalidError when artifacts of its type have no such addition; AdditionUnknown when this one has none;
        TooLarge for one that is too large to be shown.
        """
        row = self._artifact(project, repository, reference)
        processor = processor_of(row.kind, row.manifest_media_type)
        if name not in processor.additions:
            raise InvalidError(f"addition {name} isn't supported for {row.kind}")
        artifact = stored_or_none(self._ctx, f"{project}/{repository}", row)
        if artifact is None:
            raise AdditionUnknown(name, "its manifest cannot be read")
        return processor.addition(artifact, name)

    def vulnerabilities(self, project: str, repository: str, reference: str) -> Addition:
        """Return the vulnerability reports of an artifact by their media type."""
        self._artifact(project, repository, reference)
        return NOT_SCANNED

    def _artifact(self, project: str, repository: str, reference: str) -> sa.Row[Any]:
        require_in_project(self._ctx, project, "artifact-addition", "read")
        with self._ctx.read() as session:
            artifact_id = find_artifact(session, f"{project}/{repository}", reference)
        rows = self._ctx.rows(_STORED, {"artifact": artifact_id})
        if not rows:
            raise ManifestUnknown
        return rows[0]


_STORED = (
    sa.select(Artifact.digest, Artifact.kind, Artifact.manifest_media_type, ManifestBody.body)
    .join(ManifestBody, ManifestBody.artifact_id == Artifact.id)
    .where(Artifact.id == sa.bindparam("artifact"))
)
