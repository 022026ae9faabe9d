"""Artifacts of other types: a config whose media type names one is shown whole, as Harbor does."""

from typing import Any, Final

from app.artifacts.processors.processor import Processor
from app.artifacts.processors.stored_artifact import StoredArtifact
from app.oci.artifact_types import names_a_type

_SKIPPED: Final = "io.goharbor.artifact.v1alpha1.skip-list"
"""An annotation of the config's descriptor: members of the config, separated by commas, that are not shown."""


class UnknownProcessor(Processor):
    """Artifacts of types that have no processor of their own."""

    def facts_or_none(self, artifact: StoredArtifact, read: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the config of an artifact whose type is known by name; None for others."""
        config = artifact.manifest.config
        if read is not None or config is None or not names_a_type(config.media_type):
            return read
        facts = artifact.config_facts_or_none()
        skipped = (config.annotations or {}).get(_SKIPPED, "").split(",")
        return None if facts is None else {name: value for name, value in facts.items() if name not in skipped}
