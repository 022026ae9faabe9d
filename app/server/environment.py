"""Build the part of the WSGI environment that all requests of a connection share (PEP 3333)."""

import io
import socket
from typing import Any

import structlog
from gunicorn import SERVER_SOFTWARE

from app.registry.http import HERE_KEY
from app.server.answer import FileAnswer
from app.server.head import Environ

_log = structlog.get_logger()


def base_environ(
    server: tuple[Any, ...], accepted: socket.socket, client: tuple[str, int], *, several: bool
) -> Environ:
    """Return the environment of a connection's requests without their heads.

    ``server`` is the address of the listening socket; ``several`` tells that other processes listen on it too.
    """
    return {
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
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        HERE_KEY: str(accepted.getsockname()[0]),
    }


class _Errors(io.StringIO):
    """``wsgi.errors``: logs what the application writes to it."""

    def write(self, text: str) -> int:
        """Log the text."""
        if text.strip():
            _log.error("the application wrote to wsgi.errors", text=text[:1000])
        return len(text)
