"""Counters of one process, with labels of bounded variety."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """What a web process counts; ``registry`` is what an exposition reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "pyharbor_http_requests",
            "Requests answered",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "pyharbor_http_request_duration_seconds",
            "Time until a request was answered, transfers of content included",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._counted: dict[tuple[str, str, str], Counter] = {}
        self._timed: dict[str, Histogram] = {}

    def answered(self, route: str, method: str, status: str, seconds: float) -> None:
        """Count one request; ``route`` is a name from a fixed set, ``status`` the three digits."""
        key = (route, method if method in _METHODS else "other", status)
        counter = self._counted.get(key)
        if counter is None:
            counter = self._counted[key] = self._requests.labels(*key)
        counter.inc()
        timed = self._timed.get(route)
        if timed is None:
            timed = self._timed[route] = self._seconds.labels(route)
        timed.observe(seconds)
