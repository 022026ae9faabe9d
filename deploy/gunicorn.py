"""gunicorn's configuration, from the product's settings. TLS and HTTP/2 belong to the proxy in front."""

import ctypes
import gc
import time

from app.server.limits import Limits
from app.server.worker import LoopWorker
from app.settings import load
from app.telemetry.proxies import TrustedProxies

_settings = load()
_give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
_TRIM_SECONDS = 5.0
_STOP_SECONDS = 10


class Worker(LoopWorker):
    """Our own, which gives memory back that is free, every few seconds: what many requests took would else stay."""

    trimmed = 0.0
    limits = Limits(
        threads=_settings.web.threads,
        queries_at_once=_settings.database.url.startswith("sqlite"),
        connections=_settings.web.connections,
        connections_per_address=_settings.web.connections_per_address,
        stands_for_many=TrustedProxies(_settings.web.trusted_proxies).trusts,
        rate=_settings.web.rate,
        rate_seconds=_settings.web.rate_window.total_seconds(),
        stop_seconds=_STOP_SECONDS,
    )

    def on_sweep(self) -> None:
        """Give memory back."""
        now = time.monotonic()
        if _give_back is not None and now - self.trimmed >= _TRIM_SECONDS:
            self.trimmed = now
            _give_back(0)


def pre_fork(_server: object, _worker: object) -> None:
    """Leave what the master has loaded out of collections, so that the processes go on sharing it."""
    gc.collect()
    gc.freeze()


_host = f"[{_settings.web.host}]" if ":" in _settings.web.host else _settings.web.host
bind = f"{_host}:{_settings.web.port}"
worker_class = Worker if _settings.web.server == "loop" else "gthread"
preload_app = True
workers = _settings.web.workers
threads = _settings.web.threads
worker_connections = 2048
backlog = 4096
keepalive = 75
timeout = int(_settings.process_silence.total_seconds())
graceful_timeout = _STOP_SECONDS + 2
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 12288
control_socket_disable = True
accesslog = None
loglevel = "warning"
proc_name = "pyharbor-web"
forwarded_allow_ips = ""
worker_tmp_dir = "/dev/shm"  # noqa: S108 - the workers' heartbeat files must not wait for a disk
