"""The stored content of an artifact, as the processors read it: its manifest, its config and its blobs."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.artifacts.blob_content import read_blob
from app.artifacts.models import Accessory, Artifact, ManifestBody, Repository
from app.context import Context
from app.core.errors import BlobUnknown, ManifestInvalid, TooLarge
from app.oci.artifact_types import AccessoryKind
from app.oci.descriptors import Descriptor
from app.oci.image_config import shown_config_or_none, whole_config_or_none
from app.oci.limits import CONFIG_BYTES, LARGE_DOCUMENT
from app.oci.manifests import Manifest, parse_manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArtifact:
    """An artifact of a repository that holds what its manifest names."""

    ctx: Context
    repository: str
    digest: str
    manifest: Manifest

    def blob_or_none(self, descriptor: Descriptor, limit: int) -> bytes | None:
        """Return the verified bytes of a blob; None when they cannot be read. Raise TooLarge above ``limit`` bytes."""
        try:
            return read_blob(self.ctx, self.repository, descriptor.digest, limit)
        except BlobUnknown:
            return None

    def config_or_none(self) -> dict[str, Any] | None:
        """Return the config, a JSON object; None for any other, a larger or an ambiguous one."""
        return self._read_config_or_none(whole_config_or_none)

    def config_facts_or_none(self) -> dict[str, Any] | None:
        """Return of the config what lists can show of it, at most 256 KiB as JSON; None as ``config_or_none``."""
        return self._read_config_or_none(shown_config_or_none)

    def child_or_none(self, digest: str) -> "StoredArtifact | None":
        """Return another artifact of the repository, such as one that an index lists; None without one."""
        rows = self.ctx.rows(_MANIFEST, {"repository": self.repository, "digest": digest})
        return stored_or_none(self.ctx, self.repository, rows[0]) if rows else None

    def sbom_or_none(self) -> "StoredArtifact | None":
        """Return the newest SBOM that was attached to the artifact; None without one."""
        rows = self.ctx.rows(_SBOM, {"repository": self.repository, "digest": self.digest})
        return stored_or_none(self.ctx, self.repository, rows[0]) if rows else None

    def _read_config_or_none(self, read: Callable[[str, bytes], dict[str, Any] | None]) -> dict[str, Any] | None:
        config = self.manifest.config
        if config is None:
            return None
        try:
            content = self.blob_or_none(config, CONFIG_BYTES)
        except TooLarge:
            return None
        if content is None:
            return None
        with self.ctx.ports.large_documents if len(content) > LARGE_DOCUMENT else nullcontext():
            return read(config.media_type, content)


def stored_or_none(ctx: Context, repository: str, row: sa.Row[Any]) -> StoredArtifact | None:
    """Return the artifact of a row with its digest, media type and body; None when the body cannot be read."""
    body = bytes(row.body)
    try:
        with ctx.ports.large_documents if len(body) > LARGE_DOCUMENT else nullcontext():
            manifest = parse_manifest(body, row.manifest_media_type)
    except ManifestInvalid:
        return None
    return StoredArtifact(ctx=ctx, repository=repository, digest=row.digest, manifest=manifest)


_MANIFEST = (
    sa.select(Artifact.digest, Artifact.manifest_media_type, ManifestBody.body)
    .join(ManifestBody, ManifestBody.artifact_id == Artifact.id)
    .join(Repository, Repository.id == Artifact.repository_id)
    .where(Repository.name == sa.bindparam("repository"), Artifact.digest == sa.bindparam("digest"))
)
_SBOM = (
    sa.select(Artifact.digest, Artifact.manifest_media_type, ManifestBody.body)
    .join(ManifestBody, ManifestBody.artifact_id == Artifact.id)
    .join(Accessory, Accessory.artifact_id == Artifact.id)
    .join(Repository, Repository.id == Accessory.repository_id)
    .where(
        Repository.name == sa.bindparam("repository"),
        Accessory.subject_digest == sa.bindparam("digest"),
        Accessory.kind == AccessoryKind.SBOM,
    )
    .order_by(Accessory.id.desc())
    .limit(1)
)
