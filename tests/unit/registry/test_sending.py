"""How files leave the gateway, also where the kernel does not send them by itself."""

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from app.registry.gateway import send
from app.registry.http import FileBody, RegistryResponse

CONTENT = bytes(range(256)) * 40
START = 100


def test_a_file_that_the_kernel_does_not_send_is_read_and_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that breaks at the first byte makes ``socket.sendfile`` begin again by reading."""
    path = tmp_path / "blob"
    path.write_bytes(CONTENT)
    file = path.open("rb", buffering=0)
    file.seek(START)
    body = FileBody(file=file, length=len(CONTENT) - START)
    environ = {"REQUEST_METHOD": "GET", "wsgi.file_wrapper": lambda file, _: file}
    sent: Any = send(environ, lambda *_: None, RegistryResponse(status=200, body=body))

    def refuse(*_: object) -> int:
        raise OSError(errno.ECONNRESET, "reset")

    monkeypatch.setattr(os, "sendfile", refuse)
    near, far = socket.socketpair()
    with near, far:
        near.settimeout(20)
        assert near.sendfile(sent, START, body.length) == body.length
        near.shutdown(socket.SHUT_WR)
        with far.makefile("rb") as received:
            assert received.read() == CONTENT[START:]
    sent.close()
    assert body.file.closed
