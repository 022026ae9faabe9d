"""Answers: WSGI's ``start_response``, the head as bytes, and files as bodies."""

import errno
import os
import re
import time
from email.utils import formatdate
from typing import Any, BinaryIO, Final

Headers = list[tuple[str, str]]

_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9a-zA-Z]+")
_STATUS: Final = re.compile(r"[1-5][0-9]{2}(?: [ \t\x21-\x7e\x80-\xff]*)?")
_UNFIT: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "date",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "server",
        "te",
        "trailers",
        "transfer-encoding",
        "upgrade",
    }
)
_NAMES_KEPT: Final = 512
_NO_LENGTH: Final = frozenset({"204"})
_BODILESS: Final = frozenset({"204", "304"})
_IN_CACHE: Final = 64 * 1024
_BLOCK_BYTES: Final = 256 * 1024


class FileAnswer:
    """``wsgi.file_wrapper``: a file that the loop sends with sendfile, from its current position."""

    def __init__(self, filelike: BinaryIO, block_bytes: int = _BLOCK_BYTES) -> None:
        """Wrap ``filelike``; its blocks are for layers that read the body themselves."""
        self.filelike = filelike
        self.block_bytes = block_bytes
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> "FileAnswer":
        """Iterate over the file's blocks."""
        return self

    def __next__(self) -> bytes:
        """Return the next block."""
        if block := self.filelike.read(self.block_bytes):
            return block
        raise StopIteration

    def small(self, length: int) -> bytes | None:
        """Return all ``length`` bytes when they are few and in the page cache, else None; never waits for the disk."""
        if length > _IN_CACHE:
            return None
        buffer = bytearray(length)
        try:
            descriptor = self.filelike.fileno()
            offset = os.lseek(descriptor, 0, os.SEEK_CUR)
            count = os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT) if length else 0
        except OSError:
            return None
        return bytes(buffer) if count == length else None


class Header:
    """Makes parts of answers' heads; one per process, as it caches the date and checked header names."""

    __slots__ = ("_date", "_names", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._date = ""
        self._names: dict[str, str] = {}

    def date(self) -> str:
        """Return the current time in HTTP's format."""
        now = int(time.time())
        if now != self._second:
            self._second, self._date = now, formatdate(now, usegmt=True)
        return self._date

    def lower(self, name: str) -> str:
        """Return a header's name in lower case; ValueError when it is invalid."""
        lower = self._names.get(name)
        if lower is None:
            if not _TOKEN.fullmatch(name):
                message = f"invalid name of a header: {name!r}"
                raise ValueError(message)
            lower = name.lower()
            if len(self._names) < _NAMES_KEPT:
                self._names[name] = lower
        return lower


class Answer:
    """The answer to one request, from ``start`` on."""

    __slots__ = ("_head", "_header", "bodiless", "chunked", "length", "minor", "status")

    def __init__(self, header: Header, method: str, minor: int) -> None:
        """Prepare the answer to a request of ``method`` in HTTP/1.``minor``."""
        self._header = header
        self._head = ""
        self.minor = minor
        self.status = ""
        self.length: int | None = None
        """The Content-Length, None without one."""
        self.bodiless = method == "HEAD"
        self.chunked = False

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> None:  # noqa: ANN401 - WSGI
        """Take status and headers as WSGI's ``start_response``; ValueError when they are invalid."""
        if self.status and exc_info is None:
            message = "start_response was called twice"
            raise AssertionError(message)
        if not _STATUS.fullmatch(status):
            message = f"invalid status {status!r}"
            raise ValueError(message)
        self.status, self.length = status, None
        code = status[:3]
        lines = []
        for name, value in headers:
            lower = self._header.lower(name)
            if lower == "content-length":
                if code in _NO_LENGTH:
                    continue
                self.length = int(value)
            elif lower in _HOP_BY_HOP:
                continue
            lines.append(f"{name}: {value}\r\n")
        head = "".join(lines)
        if head.count("\n") != len(lines) or _UNFIT.search(head.replace("\r\n", "")):
            message = "a header's value holds characters that would end it"
            raise ValueError(message)
        self.bodiless = self.bodiless or code in _BODILESS
        self._head = head
        self.chunked = self.length is None and not self.bodiless and self.minor == 1

    @property
    def delimited(self) -> bool:
        """Whether the client can tell where the answer ends while the connection stays open."""
        return self.length is not None or self.chunked or self.bodiless

    def head(self, *, keep: bool) -> bytes:
        """Return the head, once; ``keep`` tells the client that the connection stays open."""
        coding = "Transfer-Encoding: chunked\r\n" if self.chunked else ""
        lines, self._head = self._head, ""
        return (
            f"HTTP/1.{self.minor} {self.status}\r\nServer: gunicorn\r\nDate: {self._header.date()}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n{coding}{lines}\r\n"
        ).encode("latin-1")

    def framed(self, piece: bytes) -> bytes:
        """Return a piece of the body as it is sent."""
        if self.bodiless or not piece:
            return b""
        return b"%x\r\n%b\r\n" % (len(piece), piece) if self.chunked else piece

    def end(self) -> bytes:
        """Return the bytes that follow the body's last piece."""
        return b"0\r\n\r\n" if self.chunked else b""


def is_cached(descriptor: int, offset: int) -> bool:
    """Tell whether the file's page at ``offset`` is in memory; True when the file system cannot tell."""
    try:
        os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT)
    except OSError as error:
        return error.errno != errno.EAGAIN
    return True
