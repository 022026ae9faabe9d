"""Build the part of the WSGI environment that does not come from a request's head (PEP 3333)."""

import io
import socket
import sys
from typing import Any, Final

import structlog
from gunicorn import SERVER_SOFTWARE

from app.server.answer import FileAnswer
from app.server.head import Environ

_ANY: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened at
_log = structlog.get_logger()


class Base:
    """What the environments of all requests of a listening socket begin with."""

    __slots__ = ("_here", "shared")

    def __init__(self, server: tuple[Any, ...], *, several: bool) -> None:
        """Describe a socket that listens at ``server``; ``several`` tells that other processes listen on it too."""
        self._here: str | None = None if server[0] in _ANY else sys.intern(str(server[0]))
        self.shared: Environ = {
            "wsgi.errors": _Errors(),
            "wsgi.version": (1, 0),
            "wsgi.multithread": True,
            "wsgi.multiprocess": several,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileAnswer,
            "wsgi.input_terminated": True,
            "wsgi.url_scheme": "http",
            "SERVER_SOFTWARE": SERVER_SOFTWARE,
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "SCRIPT_NAME": "",
        }

    def here(self, accepted: socket.socket) -> str:
        """Return the local address of a connection."""
        return self._here or sys.intern(str(accepted.getsockname()[0]))


class _Errors(io.StringIO):
    """``wsgi.errors``: logs what the application writes to it."""

    def write(self, text: str) -> int:
        """Log the text."""
        if text.strip():
            _log.error("the application wrote to wsgi.errors", text=text[:1000])
        return len(text)
