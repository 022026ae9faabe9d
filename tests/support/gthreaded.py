"""gunicorn's own threaded worker over any application, in a thread of the tests."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from gunicorn.config import Config
from gunicorn.workers.gthread import ThreadWorker

from app.server.loop import Application

_SECONDS = 20.0


class _Loaded:
    """What gunicorn takes for its application."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def wsgi(self) -> Application:
        """The WSGI application."""
        return self._application


class _Log:
    """What gunicorn takes for its logger."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - of any kind
        return getattr(structlog.get_logger("gunicorn"), name)

    def access(self, *_: object) -> None:
        """The application logs its requests itself."""

    def close_on_exec(self) -> None:
        """Nothing is open."""


class _Worker(ThreadWorker):
    """One that is in a process with others: signals and parents are none of its business."""

    def init_signals(self) -> None:
        """Leave them as they are."""

    def is_parent_alive(self) -> bool:
        """It has none."""
        return True


@contextmanager
def gthreaded(application: Application) -> Iterator[int]:
    """Serve ``application`` on a port of loopback until the end; yields the port."""
    configuration = Config()
    for name, value in {"threads": 4, "keepalive": 75, "graceful_timeout": 1, "accesslog": None}.items():
        configuration.set(name, value)
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    port: int = listener.getsockname()[1]
    loaded: Any = _Loaded(application)
    log: Any = _Log()
    worker = _Worker(1, 0, [listener], loaded, 30, configuration, log)
    thread = threading.Thread(target=worker.init_process, name="gthreaded", daemon=True)
    thread.start()
    deadline = time.monotonic() + _SECONDS
    while not worker.booted and time.monotonic() < deadline:
        time.sleep(0.001)
    try:
        yield port
    finally:
        worker.alive = False
        worker.method_queue.defer(lambda: None)
        thread.join(_SECONDS)
        worker.tmp.close()
    assert not thread.is_alive(), "gunicorn's worker did not stop"
