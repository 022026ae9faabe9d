"""Helm charts: the config is Chart.yaml as JSON, a layer is the chart's archive (helm.sh/docs/topics/registries)."""

from typing import Any, ClassVar, Final

from app.artifacts.processors.processor import (
    MARKDOWN,
    PLAIN,
    Addition,
    AdditionName,
    AdditionNames,
    AdditionUnknown,
    Processor,
    json_addition,
)
from app.artifacts.processors.stored_artifact import StoredArtifact
from app.core.errors import TooLarge
from app.oci.charts import ChartFiles, chart_files
from app.oci.descriptors import Descriptor
from app.oci.limits import CHART_BYTES, CHART_FILE_BYTES

_ARCHIVES: Final = frozenset({"application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"})
"""The layer with the chart, as helm names it now and did once."""
_CONTENT_TYPES: Final = {AdditionName.VALUES: PLAIN, AdditionName.README: MARKDOWN}
_TEXTS: Final = ("version", "condition", "alias")


class ChartProcessor(Processor):
    """Charts; all of Chart.yaml is shown of them."""

    additions: ClassVar[AdditionNames] = (AdditionName.VALUES, AdditionName.README, AdditionName.DEPENDENCIES)
    linked: ClassVar[AdditionNames] = additions

    def addition(self, artifact: StoredArtifact, name: AdditionName) -> Addition:
        """Return a file of the archive, or the dependencies that the config names, for charts of both versions."""
        if name is AdditionName.DEPENDENCIES:
            return json_addition(_dependencies(artifact.config_or_none() or {}))
        files = _files(artifact, name)
        if files.refused:
            raise AdditionUnknown(name, f"the chart's archive {files.refused}")
        if name in files.too_large:
            raise TooLarge(f"{name} has more than {CHART_FILE_BYTES} bytes")
        content = files.contents.get(name)
        if content is None:
            raise AdditionUnknown(name, "the chart holds none")
        return Addition(content=content, content_type=_CONTENT_TYPES[name])


def _files(artifact: StoredArtifact, name: AdditionName) -> ChartFiles:
    """Return the files of the chart's archive, from this process's cache or from the stored archive.

    The archive's digest is the cache's key: whether the repository holds the chart, and for whom, is asked each time.
    """
    layer = _archive_or_none(artifact)
    if layer is None:
        raise AdditionUnknown(name, "its manifest names no archive")
    cache = artifact.ctx.ports.chart_files
    files: ChartFiles | None = cache.get(layer.digest)
    if files is None:
        content = artifact.blob_or_none(layer, CHART_BYTES)
        if content is None:
            raise AdditionUnknown(name, "the chart's archive cannot be read")
        files = chart_files(content)
        cache.put(layer.digest, files)
    return files


def _archive_or_none(artifact: StoredArtifact) -> Descriptor | None:
    """Return the layer that helm takes for the chart, the last of its type; else the first that is not the config."""
    layers = artifact.manifest.layers
    archives = [layer for layer in layers if layer.media_type in _ARCHIVES]
    if archives:
        return archives[-1]
    config = artifact.manifest.config
    return next((layer for layer in layers if config is None or layer.digest != config.digest), None)


def _dependencies(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    dependencies = metadata.get("dependencies")
    if not isinstance(dependencies, list):
        return []
    return [_dependency(dependency) for dependency in dependencies if isinstance(dependency, dict)]


def _dependency(dependency: dict[str, Any]) -> dict[str, Any]:
    """Return helm's form of a dependency: name and repository always, the rest unless it is empty."""
    shown: dict[str, Any] = {key: _text(dependency.get(key)) for key in ("name", "repository")}
    shown |= {key: text for key in _TEXTS if (text := _text(dependency.get(key)))}
    shown |= {
        key: value for key in ("tags", "import-values") if isinstance(value := dependency.get(key), list) and value
    }
    return shown | ({"enabled": True} if dependency.get("enabled") is True else {})


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
