"""Answers: WSGI's ``start_response``, the head as bytes, and bodies that are files."""

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
    """``wsgi.file_wrapper``: a file that the loop sends from its current position with sendfile."""

    def __init__(self, filelike: BinaryIO, block_bytes: int = _BLOCK_BYTES) -> None:
        """Send ``filelike``; servers of other kinds would read it in blocks."""
        self.filelike = filelike
        self.block_bytes = block_bytes
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> "FileAnswer":
        """The file's blocks, for layers that look into bodies."""
        return self

    def __next__(self) -> bytes:
        """The next block."""
        if block := self.filelike.read(self.block_bytes):
            return block
        raise StopIteration

    def small(self, length: int) -> bytes | None:
        """All ``length`` bytes when they are few and can be had without waiting for the disk, else None."""
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
    """What makes heads of answers; one a process, as it keeps the second's date and the names it has checked."""

    __slots__ = ("_date", "_names", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._date = ""
        self._names: dict[str, str] = {}

    def date(self) -> str:
        """The moment as HTTP writes it."""
        now = int(time.time())
        if now != self._second:
            self._second, self._date = now, formatdate(now, usegmt=True)
        return self._date

    def lower(self, name: str) -> str:
        """A header's name in lower case; ValueError when it is none."""
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
    """One request's answer, as far as it was begun."""

    __slots__ = ("_head", "_header", "bodiless", "chunked", "length", "minor", "status")

    def __init__(self, header: Header, method: str, minor: int) -> None:
        """Answer a request of ``method`` in HTTP/1.``minor``."""
        self._header = header
        self._head = ""
        self.minor = minor
        self.status = ""
        self.length: int | None = None
        """Of the body, when a header says it."""
        self.bodiless = method == "HEAD"
        self.chunked = False

    def start(self, status: str, headers: Headers, exc_info: Any = None) -> None:  # noqa: ANN401 - WSGI
        """WSGI's ``start_response``; what does not belong into a head is an error of the application."""
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
        """Whether the client can tell where the answer ends without the connection's end."""
        return self.length is not None or self.chunked or self.bodiless

    def head(self, *, keep: bool) -> bytes:
        """The head, saying whether the connection stays."""
        coding = "Transfer-Encoding: chunked\r\n" if self.chunked else ""
        return (
            f"HTTP/1.{self.minor} {self.status}\r\nServer: gunicorn\r\nDate: {self._header.date()}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n{coding}{self._head}\r\n"
        ).encode("latin-1")

    def framed(self, piece: bytes) -> bytes:
        """A piece of the body as it goes over the wire."""
        if self.bodiless or not piece:
            return b""
        return b"%x\r\n%b\r\n" % (len(piece), piece) if self.chunked else piece

    def end(self) -> bytes:
        """What follows the body's last piece."""
        return b"0\r\n\r\n" if self.chunked else b""


def is_cached(descriptor: int, offset: int) -> bool:
    """Whether the file's page at ``offset`` can be read without waiting for the disk, as far as can be told."""
    try:
        os.preadv(descriptor, [bytearray(1)], offset, os.RWF_NOWAIT)
    except OSError as error:
        return error.errno != errno.EAGAIN
    return True
