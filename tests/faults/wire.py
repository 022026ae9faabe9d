"""A request under way on a socket of its own: sent as far as wanted, and the process that serves it."""

import base64
import http.client
import socket
import struct
import time
from pathlib import Path
from typing import Self

from tests.support.instance import PASSWORD, Instance
from tests.support.processes import open_files

_SECONDS = 30.0
_ESTABLISHED = "01"


class Underway:
    """One request over a connection of its own, with basic credentials of the administrator."""

    def __init__(self, instance: Instance, method: str, target: str, *headers: str, body: bytes = b"") -> None:
        """Connect; nothing is sent yet. ``headers`` are whole lines; Content-Length is that of ``body``."""
        self._instance = instance
        self._body = memoryview(body)
        self._socket = socket.create_connection(("127.0.0.1", instance.port), _SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [
            f"{method} {target} HTTP/1.1",
            f"Host: {instance.host}",
            f"Authorization: {AUTHORIZATION}",
            *(headers or (f"Content-Length: {len(body)}",)),
        ]
        self._head = ("\r\n".join(lines) + "\r\n\r\n").encode()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, count: int | None = None) -> Self:
        """Send that much more of the body, all that is left when not told, behind the head the first time."""
        piece = self._body if count is None else self._body[:count]
        self.send_bytes(self._head + bytes(piece))
        self._head, self._body = b"", self._body[len(piece) :]
        return self

    def send_bytes(self, content: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(content)

    def receive(self, count: int) -> bytes:
        """Read that much of the answer, head included, or less."""
        return self._socket.recv(count)

    def close(self) -> None:
        """End the connection in order."""
        self._socket.close()

    def reset(self) -> None:
        """End the connection as a machine does that loses its network."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def half_close(self) -> None:
        """Say that nothing more will come, and go on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self) -> tuple[int, bytes] | None:
        """Status and body; None when the connection was cut first."""
        response = http.client.HTTPResponse(self._socket)
        try:
            response.begin()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            response.close()

    def served_by(self) -> int:
        """The web process that accepted the connection."""
        inode = ""
        deadline = time.monotonic() + _SECONDS
        while time.monotonic() < deadline:
            inode = inode or self._inode()
            for pid in self._instance.pids("gunicorn"):
                if inode and f"socket:[{inode}]" in open_files(pid):
                    return pid
            time.sleep(0.002)
        raise AssertionError("no web process accepted the connection")

    def _inode(self) -> str:
        """The kernel's name of the server's end, empty until it was accepted."""
        local, remote = _hexadecimal(self._instance.port), _hexadecimal(self._socket.getsockname()[1])
        for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[1:4] == [local, remote, _ESTABLISHED] and fields[9] != "0":
                return fields[9]
        return ""


AUTHORIZATION = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()


def _hexadecimal(port: int) -> str:
    return f"0100007F:{port:04X}"
