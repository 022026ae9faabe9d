"""gunicorn's configuration, from the product's settings. TLS and HTTP/2 belong to the proxy in front."""

import signal

from gunicorn.workers.gthread import ThreadWorker

from app.settings import load

_settings = load()
_ORPHAN_SECONDS = 5
"""After this the kernel ends it, whatever its threads wait for."""


class Worker(ThreadWorker):
    """gunicorn's own, but an orphan gives up its port at once, so that the next master need not wait for it."""

    def is_parent_alive(self) -> bool:
        """Whether the master is there; without one, requests have five seconds to end and no new ones are taken."""
        alive: bool = super().is_parent_alive()
        if not alive:
            signal.alarm(_ORPHAN_SECONDS)
            for listener in self.sockets:
                listener.close()
        return alive


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
limit_request_field_size = 32768
control_socket_disable = True
accesslog = None
loglevel = "warning"
proc_name = "pyharbor-web"
forwarded_allow_ips = ""
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the workers' heartbeat files must not wait for a disk
