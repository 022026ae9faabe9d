"""gunicorn's configuration, from the product's settings. TLS and HTTP/2 belong to the proxy in front."""

import ctypes
import gc
import signal
import time

from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import TConn, ThreadWorker

from app.settings import load

_settings = load()
_ORPHAN_SECONDS = 5
"""After this the kernel ends it, whatever its threads wait for."""
_give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
_TRIM_SECONDS = 5.0
_HEADER_BYTES = 64 * 1024


class BoundedRequest(Request):
    """gunicorn's own, whose headers have a bound together, as they are kept while a client takes its time."""

    def parse(self, unreader: Unreader) -> bytes:
        """Read the head of a request."""
        self.max_buffer_headers = _HEADER_BYTES
        unread: bytes = super().parse(unreader)
        return unread


class Worker(ThreadWorker):
    """gunicorn's own, with one line of cookies for all; an orphan gives up its port at once to the next master.

    And it gives memory back that is free, every few seconds: what many requests took at once would else stay.
    """

    trimmed = 0.0

    def notify(self) -> None:
        """Tell the master, about every second, that this process is well."""
        super().notify()
        now = time.monotonic()
        if _give_back is not None and now - self.trimmed >= _TRIM_SECONDS:
            self.trimmed = now
            _give_back(0)

    def handle_request(self, req: Request, conn: TConn) -> bool:
        """Serve a request. gunicorn joins equal headers by commas, which may stand in cookies: join these before it."""
        cookies = [value for name, value in req.headers if name == "COOKIE"]
        if len(cookies) > 1:
            others = [header for header in req.headers if header[0] != "COOKIE"]
            req.headers = [*others, ("COOKIE", "; ".join(cookies))]
        keep: bool = super().handle_request(req, conn)
        return keep

    def is_parent_alive(self) -> bool:
        """Whether the master is there; without one, requests have five seconds to end and no new ones are taken."""
        alive: bool = super().is_parent_alive()
        if not alive:
            signal.alarm(_ORPHAN_SECONDS)
            for listener in self.sockets:
                listener.close()
        return alive


def pre_fork(_server: object, _worker: object) -> None:
    """Leave what the master has loaded out of collections, so that the processes go on sharing it."""
    gc.collect()
    gc.freeze()


RequestParser.mesg_class = BoundedRequest
_host = f"[{_settings.web.host}]" if ":" in _settings.web.host else _settings.web.host
bind = f"{_host}:{_settings.web.port}"
worker_class = Worker
preload_app = True
workers = _settings.web.workers
threads = _settings.web.threads
worker_connections = 2048
backlog = 2048
keepalive = 75
timeout = 120
graceful_timeout = 10
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 12288
control_socket_disable = True
accesslog = None
loglevel = "warning"
proc_name = "pyharbor-web"
forwarded_allow_ips = ""
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the workers' heartbeat files must not wait for a disk
