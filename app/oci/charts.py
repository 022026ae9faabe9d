"""The files of a Helm chart's archive that are shown, found as helm finds them."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from app.oci.limits import CHART_FILE_BYTES
from app.oci.tar_entries import TarEntry, tar_entries
from app.oci.unpacking import ArchiveRefused, GzipSource

VALUES: Final = "values.yaml"
README: Final = "readme.md"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_DRIVE: Final = re.compile(r"[a-zA-Z]:/")
_CHART: Final = "Chart.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartFiles:
    """The shown files of a chart by their names, ``VALUES`` and ``README``."""

    contents: Mapping[str, bytes] = field(default_factory=dict)
    too_large: frozenset[str] = frozenset()
    """Names of files that the chart has, but that are not shown."""
    refused: str = ""
    """Why nothing of the archive is shown; empty for an archive that could be read to its end."""

    @property
    def cost(self) -> int:
        """Return the bytes of memory that the contents take."""
        return sum(map(len, self.contents.values()))


def chart_files(archive: bytes) -> ChartFiles:
    """Read a chart's archive, a gzipped tar file, to its end.

    As in helm, an archive with an absolute path or one with ``..`` is refused as a whole, of several values.yaml the
    last counts, and of several README.md, in any case, the first. A link or device in place of one of them, whose
    content would be elsewhere, is refused; others are passed over.
    """
    contents: dict[str, bytes] = {}
    too_large: set[str] = set()
    try:
        for entry in tar_entries(GzipSource(archive)):
            if entry.is_folder:
                continue
            name = _shown_name(_path_in_chart(entry.name))
            if name is None or (name == README and (name in contents or name in too_large)):
                continue
            contents.pop(name, None)
            too_large.discard(name)
            content = _content_or_none(entry)
            if content is None:
                too_large.add(name)
            else:
                contents[name] = content
    except ArchiveRefused as error:
        return ChartFiles(refused=str(error))
    return ChartFiles(contents=contents, too_large=frozenset(too_large))


def _shown_name(path: str) -> str | None:
    """Return the name of a shown file: helm reads values.yaml only when it is written so."""
    if path == VALUES:
        return VALUES
    return README if path.lower() == README else None


def _content_or_none(entry: TarEntry) -> bytes | None:
    if not entry.is_regular:
        raise ArchiveRefused("holds a link or device in place of a file to show")
    if entry.size > CHART_FILE_BYTES:
        return None
    return entry.read(entry.size).removeprefix(_BYTE_ORDER_MARK)


def _path_in_chart(name: str) -> str:
    """Return a path without the chart's own folder; raise ArchiveRefused for what helm refuses."""
    separator = "\\" if "\\" in name else "/"
    folder, *parts = name.split(separator)
    path = "/".join(parts)
    if path.startswith("/"):
        raise ArchiveRefused("holds an absolute path")
    path = posixpath.normpath(path)
    if path == ".":
        raise ArchiveRefused("holds a file outside of the chart's folder")
    if path.startswith(".."):
        raise ArchiveRefused("holds a path that leads out of the chart's folder")
    if _DRIVE.match(path) or folder == _CHART:
        raise ArchiveRefused("holds a file whose name helm refuses")
    return path
