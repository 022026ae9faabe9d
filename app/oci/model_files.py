"""The files of a model (CNCF model-spec) by the paths that its layers name, and the readme or licence in a layer."""

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from app.oci.descriptors import Descriptor
from app.oci.limits import MODEL_FILE_BYTES, MODEL_FILE_DEPTH, MODEL_FILES
from app.oci.tar_entries import tar_entries
from app.oci.unpacking import ArchiveRefused, GzipSource, PlainSource

_PATHS: Final = ("org.cncf.model.filepath", "org.cnai.model.filepath")
_DOCUMENTS: Final = ("application/vnd.cncf.model.doc.v1.", "application/vnd.cnai.model.doc.v1.")
"""The beginnings of a documentation layer's media type, in the specification's newer and older spelling."""
_RAW: Final = "raw"
_GZIPPED: Final = "tar+gzip"
_TAR: Final = "tar"


@dataclass(slots=True)
class _Folder:
    folders: dict[str, "_Folder"] = field(default_factory=dict)
    files: dict[str, int] = field(default_factory=dict)

    def shown(self) -> list[dict[str, Any]]:
        """Return Harbor's form: folders first, each sorted by name; what is empty or zero is left out."""
        entries: list[dict[str, Any]] = []
        for name, folder in sorted(self.folders.items()):
            children = folder.shown()
            entries.append({"name": name, "type": "directory", **({"children": children} if children else {})})
        for name, size in sorted(self.files.items()):
            entries.append({"name": name, "type": "file", **({"size": size} if size else {})})
        return entries


def model_tree(layers: Iterable[Descriptor]) -> list[dict[str, Any]]:
    """Return the files of the layers as a tree; what is beyond the limits, or has the name of another, is left out."""
    root, left = _Folder(), MODEL_FILES
    for layer in layers:
        path = model_path(layer)
        parts = _parts(path)
        if not parts or len(parts) > MODEL_FILE_DEPTH or left < len(parts):
            continue
        left -= len(parts)
        _add(root, parts, None if path.endswith("/") else layer.size)
    return root.shown()


def model_path(layer: Descriptor) -> str:
    """Return the path that a layer names, empty without one."""
    return next((path for name in _PATHS if (path := (layer.annotations or {}).get(name))), "")


def document_or_none(layers: Iterable[Descriptor], names: frozenset[str]) -> Descriptor | None:
    """Return the first documentation layer whose path is one of ``names``."""
    documents = (layer for layer in layers if layer.media_type.startswith(_DOCUMENTS))
    return next((layer for layer in documents if model_path(layer) in names), None)


def document_content(layer: Descriptor, content: bytes) -> bytes:
    """Return the file in a documentation layer: the layer itself, or the first file of its archive.

    Raise ArchiveRefused for a damaged archive, one beyond the limits, and one that is packed otherwise.
    """
    packing = layer.media_type.rpartition(".v1.")[2]
    if packing == _RAW:
        return content
    if packing not in (_TAR, _GZIPPED):
        raise ArchiveRefused(f"is packed as {packing[:40]!r}, which is not read")
    source = GzipSource(content, MODEL_FILE_BYTES) if packing == _GZIPPED else PlainSource(content)
    for entry in tar_entries(source):
        if entry.is_regular:
            if entry.size > MODEL_FILE_BYTES:
                raise ArchiveRefused(f"holds a file of more than {MODEL_FILE_BYTES} bytes")
            return entry.read(entry.size)
    raise ArchiveRefused("holds no file")


def _parts(path: str) -> list[str]:
    """Return the names on a path, as from the root: nothing leads out of it."""
    if len(path) > MODEL_FILE_DEPTH * 256:
        return []
    return [part for part in posixpath.normpath(f"/{path}").split("/") if part]


def _add(folder: _Folder, parts: list[str], size: int | None) -> None:
    """Add a file, or a folder when ``size`` is None, unless something of another kind has its name already."""
    for part in parts[:-1] if size is not None else parts:
        if part in folder.files:
            return
        folder = folder.folders.setdefault(part, _Folder())
    if size is not None and parts[-1] not in folder.folders:
        folder.files.setdefault(parts[-1], size)
