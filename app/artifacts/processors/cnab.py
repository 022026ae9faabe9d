"""Cloud native application bundles: an index, one of whose manifests has bundle.json as its config (cnab-to-oci)."""

from typing import Any, Final

from app.artifacts.processors.processor import Processor
from app.artifacts.processors.stored_artifact import StoredArtifact

_ROLE: Final = "io.cnab.manifest.type"
_CONFIG: Final = "config"


class CnabProcessor(Processor):
    """Bundles; all of bundle.json is shown of them."""

    def facts_or_none(self, artifact: StoredArtifact, read: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the config of the entry that the index marks as such; None without one."""
        entries = [entry for entry in artifact.manifest.entries if (entry.annotations or {}).get(_ROLE) == _CONFIG]
        child = artifact.child_or_none(entries[-1].digest) if entries else None
        return read if child is None else child.config_facts_or_none()
