"""Reading of tar archives within limits, as Go's archive/tar reads them (helm is written in Go); nothing is extracted.

Python's tarfile holds extended headers of any size in memory, and takes other names than Go for the same bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.oci.limits import ARCHIVE_ENTRIES, HEADER_EXTENSION_BYTES, HEADER_EXTENSIONS_BYTES
from app.oci.unpacking import ArchiveRefused, ByteSource

_BLOCK: Final = 512
_ZEROS: Final = bytes(_BLOCK)
_SKIPPED: Final = 64 * 1024
_CHECKSUM: Final = slice(148, 156)
_NAME: Final = slice(0, 100)
_MODE: Final = slice(100, 108)
_SIZE: Final = slice(124, 136)
_MAGIC: Final = slice(257, 263)
_PREFIX: Final = slice(345, 500)
_STAR_PREFIX: Final = slice(345, 476)
_STAR_TRAILER: Final = slice(508, 512)
_TYPE: Final = 156
_SIGNED: Final = 256
"""What a byte from 128 on counts less where the bytes of a checksum are signed, as in old archives."""
_BASE_256: Final = 0x80
_NEGATIVE: Final = 0x40
_FORMAT_BITS: Final = 0o170000
_FOLDER_BITS: Final = 0o040000
_REGULAR: Final = frozenset({"0", "\0", "7"})
_WITHOUT_CONTENT: Final = frozenset("123456")
"""Hard link, symbolic link, character device, block device, folder, pipe: what follows is the next header."""
_OLD_REGULAR: Final = "\0"
_FOLDER: Final = "5"
_RECORDS: Final = "x"
_GLOBAL_RECORDS: Final = "g"
_LONG_NAME: Final = "L"
_LONG_LINK: Final = "K"
_SPARSE: Final = "S"
_EXTENSIONS: Final = frozenset({_RECORDS, _GLOBAL_RECORDS, _LONG_NAME, _LONG_LINK})
_SPARSE_RECORDS: Final = "GNU.sparse."
_DIGITS: Final = 19
"""The digits of the largest number of 64 bits."""


@dataclass(slots=True, kw_only=True)
class TarEntry:
    """A file, folder, link or device of an archive; its content can be read until the next entry is asked for."""

    name: str
    size: int
    is_folder: bool
    is_regular: bool
    source: ByteSource
    left: int
    """Bytes of the content that were not read yet."""

    def read(self, size: int) -> bytes:
        """Return the next ``size`` bytes of the content, fewer at its end. Raise ArchiveRefused."""
        taken = _exactly(self.source, min(size, self.left))
        self.left -= len(taken)
        return taken


def tar_entries(source: ByteSource) -> Iterator[TarEntry]:
    """Yield the entries of an archive in order; raise ArchiveRefused for a damaged one, and beyond the limits."""
    records: dict[str, str] = {}
    long_name: str | None = None
    extensions = 0
    for _ in range(ARCHIVE_ENTRIES):
        header = _header_or_none(source)
        if header is None:
            return
        kind = chr(header[_TYPE])
        if kind == _SPARSE:
            raise ArchiveRefused("holds a sparse file")
        if kind in _EXTENSIONS:
            extension = _extension(source, _number(header[_SIZE]))
            extensions += len(extension)
            if extensions > HEADER_EXTENSIONS_BYTES:
                raise ArchiveRefused(f"holds long names and headers of more than {HEADER_EXTENSIONS_BYTES} bytes")
            if kind == _RECORDS:
                records = _records(extension)
            elif kind == _LONG_NAME:
                long_name = _text(extension)
            continue
        entry = _entry(source, header, kind, records)
        entry.name = long_name if long_name is not None else entry.name
        records, long_name = {}, None
        yield entry
        _skip(source, entry.left + -entry.size % _BLOCK)
    raise ArchiveRefused(f"holds more than {ARCHIVE_ENTRIES} entries")


def _entry(source: ByteSource, header: bytes, kind: str, records: dict[str, str]) -> TarEntry:
    name = records.get("path") or _name(header)
    size = _decimal(records["size"]) if records.get("size") else _number(header[_SIZE])
    if kind in _WITHOUT_CONTENT:
        size = 0
    is_folder = (
        kind == _FOLDER
        or (kind == _OLD_REGULAR and name.endswith("/"))
        or _number(header[_MODE]) & _FORMAT_BITS == _FOLDER_BITS
    )
    is_regular = kind in _REGULAR and not is_folder
    return TarEntry(name=name, size=size, is_folder=is_folder, is_regular=is_regular, source=source, left=size)


def _header_or_none(source: ByteSource) -> bytes | None:
    """Return the next header; None at the end, which is two blocks of zeros or that of the file."""
    header = source.read(_BLOCK)
    if header == _ZEROS:
        if source.read(_BLOCK) not in (_ZEROS, b""):
            raise ArchiveRefused("holds a block of zeros between entries")
        return None
    if not header:
        return None
    if len(header) < _BLOCK:
        raise ArchiveRefused("ends in the middle of a tar header")
    _require_checksum(header)
    return header


def _require_checksum(header: bytes) -> None:
    checksum = _number(header[_CHECKSUM])
    summed = header[: _CHECKSUM.start] + b" " * 8 + header[_CHECKSUM.stop :]
    missing = sum(summed) - checksum
    if missing and missing != _SIGNED * sum(byte >= _SIGNED // 2 for byte in summed):
        raise ArchiveRefused("is no intact tar archive")


def _extension(source: ByteSource, size: int) -> bytes:
    if size > HEADER_EXTENSION_BYTES:
        raise ArchiveRefused(f"holds a name or header of more than {HEADER_EXTENSION_BYTES} bytes")
    content = _exactly(source, size)
    _skip(source, -size % _BLOCK)
    return content


def _records(content: bytes) -> dict[str, str]:
    """Return PAX records, ``length key=value`` and a line feed each; of two with one key the last."""
    records: dict[str, str] = {}
    position = 0
    while position < len(content):
        digits, space, _ = content[position : position + 20].partition(b" ")
        length = _decimal(digits.decode("ascii", "replace")) if space else 0
        record = content[position + len(digits) + 1 : position + length]
        key, equals, value = record.partition(b"=")
        if not equals or not value.endswith(b"\n") or position + length > len(content):
            raise ArchiveRefused("holds a damaged PAX header")
        records[key.decode(errors="replace")] = value[:-1].decode(errors="replace")
        position += length
    if any(key.startswith(_SPARSE_RECORDS) for key in records):
        raise ArchiveRefused("holds a sparse file")
    if "\0" in records.get("path", ""):
        raise ArchiveRefused("holds a damaged PAX header")
    return records


def _name(header: bytes) -> str:
    name, magic = _text(header[_NAME]), header[_MAGIC]
    if magic != b"ustar\0":
        return name
    prefix = _text(header[_STAR_PREFIX if header[_STAR_TRAILER] == b"tar\0" else _PREFIX])
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace")


def _number(field: bytes) -> int:
    """Return a number of a header: octal digits, or with the first bit set its two's complement."""
    if field[0] & _BASE_256:
        if field[0] & _NEGATIVE:
            raise ArchiveRefused("holds a negative number in a tar header")
        return int.from_bytes(bytes((field[0] & ~_BASE_256,)) + field[1:])
    digits = field.strip(b" \0").partition(b"\0")[0]
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise ArchiveRefused("is no intact tar archive")
    return int(digits, 8)


def _decimal(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS:
        return int(text)
    raise ArchiveRefused("holds a damaged PAX header")


def _exactly(source: ByteSource, size: int) -> bytes:
    content = source.read(size)
    if len(content) < size:
        raise ArchiveRefused("ends in the middle of an entry")
    return content


def _skip(source: ByteSource, size: int) -> None:
    while size > 0:
        size -= len(_exactly(source, min(size, _SKIPPED)))
