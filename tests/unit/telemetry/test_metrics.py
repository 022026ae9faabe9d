"""Counters: what an exposition shows is what prometheus_client's own counters show."""

import re

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from app.telemetry.metrics import Metrics

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_CREATED = re.compile(r"(_created(?:\{.*\})?) .*")


def _plain(registry: CollectorRegistry) -> list[str]:
    """The exposition without the moments at which counting began."""
    return sorted(_CREATED.sub(r"\1", line) for line in generate_latest(registry).decode().splitlines())


@pytest.mark.parametrize("answers", [0, 1, 200])
def test_the_exposition_is_that_of_the_librarys_counters(answers: int) -> None:
    registry = CollectorRegistry()
    requests = Counter("pyharbor_http_requests", "Requests answered", ("route", "method", "status"), registry=registry)
    seconds = Histogram(
        "pyharbor_http_request_duration_seconds",
        "Time until a request was answered, transfers of content included",
        ("route",),
        buckets=_BUCKETS,
        registry=registry,
    )
    ours = Metrics()
    for number in range(answers):
        route, method, status = f"route-{number % 3}", ("GET", "PUT")[number % 2], str(200 + number % 5)
        duration = number % 17 * 0.25 if number % 2 else (0.5, 1.0, 30.0, 60.0, 0.0)[number % 5]
        requests.labels(route, method, status).inc()
        seconds.labels(route).observe(duration)
        ours.answered(route, method, status, duration)
    assert _plain(ours.registry) == _plain(registry)
