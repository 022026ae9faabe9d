"""A small HTTP/1.1 client on bare sockets: cheap enough that two cores can hold it and the server under test."""

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from io import BufferedReader
from types import MappingProxyType, TracebackType
from typing import Final, Self

ACCEPT = "application/vnd.oci.image.manifest.v1+json"
NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})
_SECONDS = 120
_CHUNK = 32 * 1024
_CHUNKS_PER_CALL = 32
_TOGETHER = 64 * 1024
"""A body up to this size is sent with its head in one piece."""
_DISCARD = 4 * 1024 * 1024


class UnexpectedAnswer(Exception):
    """A server answered what the measurement does not expect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; ``headers`` have lower-case names, ``body`` is empty when it was discarded."""

    status: int
    headers: dict[str, str]
    body: bytes

    def expect(self, *statuses: int) -> Self:
        """Return itself; UnexpectedAnswer when the status is another one."""
        if self.status not in statuses:
            raise UnexpectedAnswer(f"{self.status} instead of {statuses}: {self.body[:400]!r}")
        return self


class Connection:
    """One kept-alive connection; requests follow one another."""

    def __init__(
        self, host: str, port: int, token: str | None = None, *, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        """Connect; every request carries ``token`` as a bearer token, and the further ``headers``."""
        self._host = f"{host}:{port}"
        self._socket = socket.create_connection((host, port))
        for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # in the kernel, so that one call can send everything
            self._socket.setsockopt(socket.SOL_SOCKET, limit, struct.pack("ll", _SECONDS, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = BufferedReader(socket.SocketIO(self._socket, "r"), 64 * 1024)
        given = dict(headers) | ({"Authorization": f"Bearer {token}"} if token else {})
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in given.items())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._reader.close()
        self._socket.close()

    def request(self, method: str, target: str, body: bytes | bytearray | None = None, *, kind: str = "") -> Answer:
        """Send a request with a body of media type ``kind`` and return the whole answer."""
        head = self._head(method, target)
        if kind:
            head += f"Content-Type: {kind}\r\n"
        if body is not None or method in {"POST", "PUT"}:
            head += f"Content-Length: {len(body or b'')}\r\n"
        if body and len(body) > _TOGETHER:
            self._socket.sendall(head.encode() + b"\r\n")
            self._socket.sendall(body)
        else:
            self._socket.sendall(head.encode() + b"\r\n" + (body or b""))
        return self._answer(bodiless=method == "HEAD")

    def upload(self, target: str, content: memoryview) -> Answer:
        """PATCH the content as Docker does: chunked, 32 KiB a chunk, without a length."""
        head = self._head("PATCH", target)
        head += "Content-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        self._socket.sendall(head.encode())
        opening = f"{_CHUNK:x}\r\n".encode()
        step = _CHUNK * _CHUNKS_PER_CALL
        whole = len(content) - len(content) % step
        for start in range(0, whole, step):
            parts: list[bytes | memoryview] = []
            for offset in range(start, start + step, _CHUNK):
                parts += (opening, content[offset : offset + _CHUNK], b"\r\n")
            self._send_all(parts)
        if whole < len(content):
            self._send_all([f"{len(content) - whole:x}\r\n".encode(), content[whole:], b"\r\n"])
        self._socket.sendall(b"0\r\n\r\n")
        return self._answer()

    def download(self, target: str) -> int:
        """GET a body and let the kernel throw it away unread; return its length."""
        self._socket.sendall(self._head("GET", target).encode() + b"\r\n")
        status, headers = self._answer_head()
        if status != 200:
            raise UnexpectedAnswer(f"{status} for GET {target}: {self._body(headers)[:400]!r}")
        length = int(headers["content-length"])
        left = length - len(self._reader.read(min(length, len(self._reader.peek()))))
        room = bytearray(_DISCARD)
        while left:
            count = self._socket.recv_into(room, min(left, _DISCARD), socket.MSG_TRUNC)
            if not count:
                raise UnexpectedAnswer(f"GET {target} ended {left} bytes early")
            left -= count
        return length

    def _head(self, method: str, target: str) -> str:
        return f"{method} {target} HTTP/1.1\r\nHost: {self._host}\r\nAccept: {ACCEPT}\r\n{self._headers}"

    def _send_all(self, parts: list[bytes | memoryview]) -> None:
        total = sum(map(len, parts))
        sent = self._socket.sendmsg(parts)
        if sent < total:
            self._socket.sendall(b"".join(parts)[sent:])

    def _answer(self, *, bodiless: bool = False) -> Answer:
        status, headers = self._answer_head()
        return Answer(status=status, headers=headers, body=b"" if bodiless else self._body(headers))

    def _answer_head(self) -> tuple[int, dict[str, str]]:
        status = int(self._line().split()[1])
        headers = {}
        while line := self._line().rstrip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return status, headers

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return self._reader.read(int(headers.get("content-length", "0")))
        body = b""
        while size := int(self._line(), 16):
            body += self._reader.read(size)
            self._line()
        self._line()
        return body

    def _line(self) -> bytes:
        line = self._reader.readline()
        if not line.endswith(b"\n"):
            raise UnexpectedAnswer("the server closed the connection, or said nothing for two minutes")
        return line
