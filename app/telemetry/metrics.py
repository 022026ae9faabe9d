"""Prometheus metrics of one process, whose labels take a bounded number of values."""

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_BOUNDS: Final = (*(str(float(bound)) for bound in _BUCKETS), "+Inf")


class Metrics(Collector):
    """Counts the requests of a web process; ``registry`` is what an exposition reads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._requests: dict[tuple[str, str, str], _Requests] = {}
        self.registry.register(self)

    def answered(self, route: str, method: str, status: str, seconds: float) -> None:
        """Count one request; ``route`` is a name from a fixed set, ``status`` the three digits."""
        key = (route, method if method in _METHODS else "other", status)
        with self._lock:
            requests = self._requests.get(key)
            if requests is None:
                requests = self._requests[key] = _Requests()
            requests.seconds += seconds
            requests.buckets[bisect_left(_BUCKETS, seconds)] += 1

    def describe(self) -> Iterator[Metric]:
        """Yield the families without samples."""
        yield from _families()

    def collect(self) -> Iterator[Metric]:
        """Yield the families with their current samples."""
        with self._lock:
            counted = [(key, item.seconds, tuple(item.buckets), item.since) for key, item in self._requests.items()]
        requests, durations = _families()
        routes: dict[str, _Requests] = {}
        for (route, method, status), seconds, buckets, since in counted:
            requests.add_metric((route, method, status), sum(buckets), created=since)
            total = routes.setdefault(route, _Requests())
            total.seconds += seconds
            total.buckets = [had + more for had, more in zip(total.buckets, buckets, strict=True)]
            total.since = min(total.since, since)
        for route, total in routes.items():
            durations.add_metric((route,), total.cumulated(), total.seconds)
            durations.add_sample(f"{durations.name}_created", {"route": route}, total.since)
        yield requests
        yield durations


class _Requests:
    """The number and durations of requests with the same labels, and since when they are counted."""

    __slots__ = ("buckets", "seconds", "since")

    def __init__(self) -> None:
        self.buckets = [0] * len(_BOUNDS)
        self.seconds = 0.0
        self.since = time.time()

    def cumulated(self) -> list[tuple[str, float]]:
        """Return for each bound the number of requests that took at most as long."""
        total, pairs = 0, []
        for bound, count in zip(_BOUNDS, self.buckets, strict=True):
            total += count
            pairs.append((bound, float(total)))
        return pairs


def _families() -> tuple[CounterMetricFamily, HistogramMetricFamily]:
    return (
        CounterMetricFamily("pyharbor_http_requests", "Requests answered", labels=("route", "method", "status")),
        HistogramMetricFamily(
            "pyharbor_http_request_duration_seconds",
            "Time until a request was answered, transfers of content included",
            labels=("route",),
        ),
    )
