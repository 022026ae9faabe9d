"""Archives of charts and models for the tests, honest and hostile."""

import gzip
import io
import tarfile
import zlib
from collections.abc import Mapping

CHART_YAML = b"apiVersion: v2\nname: web\nversion: 1.2.3\n"
BLOCK = 512


def tar(files: Mapping[str, bytes] | list[tuple[str, bytes]], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive of files, in order; a list may hold a name twice."""
    return tar_of([member(name, content) for name, content in dict_items(files)], form)


def dict_items(files: Mapping[str, bytes] | list[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    return files if isinstance(files, list) else list(files.items())


def member(name: str, content: bytes = b"", **fields: object) -> tuple[tarfile.TarInfo, bytes]:
    """A member of an archive with fields of TarInfo, such as ``type`` and ``linkname``."""
    made = tarfile.TarInfo(name)
    made.size = len(content)
    for key, value in fields.items():
        setattr(made, key, value)
    return made, content


def tar_of(members: list[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.PAX_FORMAT) -> bytes:
    """A tar archive of members, in order."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=form) as archive:
        for made, content in members:
            archive.addfile(made, io.BytesIO(content))
    return written.getvalue()


def packed(content: bytes) -> bytes:
    """A gzip file, the same for the same content."""
    return gzip.compress(content, compresslevel=6, mtime=0)


def bomb(beginning: bytes, mebibytes: int) -> bytes:
    """A small gzip file that unpacks to ``beginning`` and many zeros; made in pieces, so it takes no memory here."""
    packer = zlib.compressobj(wbits=31)
    parts = [packer.compress(beginning), *(packer.compress(bytes(1024 * 1024)) for _ in range(mebibytes))]
    return b"".join((*parts, packer.flush()))


def chart(files: Mapping[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    """A chart's archive: files in the folder ``web``, beside its Chart.yaml."""
    inside = [(f"web/{name}", content) for name, content in dict_items(files)]
    return packed(tar([("web/Chart.yaml", CHART_YAML), *inside]))


def header(name: bytes, kind: bytes = b"0", size: bytes = b"%011o\0" % 0) -> bytes:
    """A tar header written by hand, with a right checksum."""
    made = bytearray(BLOCK)
    made[0 : len(name)] = name
    made[124:136] = size
    made[156:157] = kind
    made[257:265] = b"ustar\x0000"
    made[148:156] = b" " * 8
    made[148:156] = b"%06o\0 " % sum(made)
    return bytes(made)
