"""The application behind a server of the tests' choice, for clients that think it is somewhere else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from flask import Flask

from app.server.limits import Limits
from tests.support.gthreaded import gthreaded
from tests.support.looped import looped

SERVER = os.environ.get("PYHARBOR_TEST_SERVER", "loop")
"""``loop``, our own, or ``gthread``, gunicorn's."""
_LIMITS = Limits(stop_seconds=1.0)


class RoutedTransport(httpx.HTTPTransport):
    """Sends every request to one port of loopback, whatever host it is for."""

    def __init__(self, port: int) -> None:
        """Connect to the port at the first request."""
        super().__init__(verify=False)
        self._port = port

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its Host stays that of its URL."""
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return super().handle_request(request)


@contextmanager
def served(app: Flask) -> Iterator[int]:
    """Serve ``app`` by what PYHARBOR_TEST_SERVER names; yields the port."""
    if SERVER == "gthread":
        with gthreaded(app) as port:
            yield port
    else:
        assert SERVER == "loop", f"PYHARBOR_TEST_SERVER is loop or gthread, not {SERVER!r}"
        with looped(app, _LIMITS) as loop:
            yield loop.port
