"""gunicorn's configuration, from the product's settings. TLS and HTTP/2 belong to the proxy in front."""

import ctypes
import gc
import time

from gunicorn.workers.gthread import ThreadWorker

from app.settings import load

_settings = load()
_give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
_TRIM_SECONDS = 5.0


class Worker(ThreadWorker):
    """gunicorn's own, but an orphan gives up its port at once, so that the next master need not wait for it.

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

    def is_parent_alive(self) -> bool:
        """Whether the master is there; without one, requests in flight are finished and no new ones taken."""
        alive: bool = super().is_parent_alive()
        if not alive:
            for listener in self.sockets:
                listener.close()
        return alive


def pre_fork(_server: object, _worker: object) -> None:
    """Leave what the master has loaded out of collections, so that the processes go on sharing it."""
    gc.collect()
    gc.freeze()


bind = f"{_settings.web.host}:{_settings.web.port}"
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
