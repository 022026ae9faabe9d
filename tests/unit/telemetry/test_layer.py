"""The outer layer: request ids, clients behind proxies, the access log, and bodies that stay what they are."""

import io
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import pytest
from gunicorn.http.wsgi import FileWrapper
from prometheus_client import generate_latest

from app.telemetry.access import AccessLog, json_line
from app.telemetry.layer import TelemetryLayer
from app.telemetry.lines import Lines
from app.telemetry.metrics import Metrics
from app.telemetry.proxies import TrustedProxies


class Inner:
    """An application that answers with a body and remembers what it was asked."""

    def __init__(self, body: Iterable[bytes] = (b"hello",)) -> None:
        self.body = body
        self.environ: dict[str, Any] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.environ = environ
        environ["pyharbor.route"] = "ping"
        start_response("200 OK", [("Content-Length", "5")])
        return self.body


def call(layer: TelemetryLayer, **environ: object) -> tuple[Iterable[bytes], dict[str, str]]:
    headers: dict[str, str] = {}
    request: dict[str, Any] = {"REQUEST_METHOD": "GET", "PATH_INFO": "/v2/", "REMOTE_ADDR": "10.0.0.1", **environ}
    body = layer(request, lambda _status, given: headers.update(given))
    return body, headers


def wrap(inner: Callable[..., Iterable[bytes]], *networks: str, log: io.StringIO | None = None) -> TelemetryLayer:
    access = None if log is None else AccessLog(Lines(log), json_line)
    return TelemetryLayer(inner, Metrics(), TrustedProxies(networks), access)


def logged(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_request_id_is_echoed_or_made() -> None:
    inner = Inner()
    _, headers = call(wrap(inner), HTTP_X_REQUEST_ID="caller-1")
    assert headers["X-Request-Id"] == inner.environ["pyharbor.request_id"] == "caller-1"
    for unfit in ("", "with space", "x" * 201, "new\nline"):
        _, headers = call(wrap(inner), HTTP_X_REQUEST_ID=unfit)
        assert len(headers["X-Request-Id"]) == 36


def test_one_event_per_request() -> None:
    log = io.StringIO()
    _, headers = call(wrap(Inner(), log=log), HTTP_USER_AGENT="docker/29", HTTP_AUTHORIZATION="Basic c2VjcmV0")
    (event,) = logged(log)
    assert event.pop("ms") >= 0
    assert event.pop("timestamp")
    assert event == {
        "event": "request",
        "level": "info",
        "request_id": headers["X-Request-Id"],
        "method": "GET",
        "path": "/v2/",
        "route": "ping",
        "status": 200,
        "bytes": 5,
        "address": "10.0.0.1",
        "agent": "docker/29",
    }


def test_the_servers_file_wrapper_stays_itself_and_tells_its_end() -> None:
    file = io.BytesIO(b"hello")
    wrapper = FileWrapper(file, 4096)
    log = io.StringIO()
    body, _ = call(wrap(Inner(wrapper), log=log), **{"wsgi.file_wrapper": FileWrapper})
    assert body is wrapper
    assert logged(log) == []
    cast("Any", body).close()
    assert file.closed
    assert [event["event"] for event in logged(log)] == ["request"]


def test_a_streamed_body_tells_its_end() -> None:
    def pieces() -> Iterable[bytes]:
        yield b"hel"
        yield b"lo"

    log = io.StringIO()
    body, _ = call(wrap(Inner(pieces()), log=log))
    assert (b"".join(body), logged(log)) == (b"hello", [])
    cast("Any", body).close()
    assert len(logged(log)) == 1


def test_a_body_may_start_its_answer_late() -> None:
    def late(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
        yield b""
        start_response("201 Created", [("Content-Length", "300000")])
        yield b"made"

    log = io.StringIO()
    body, headers = call(wrap(late, log=log), **{"wsgi.file_wrapper": FileWrapper})
    assert headers == {}
    assert b"".join(body) == b"made"
    cast("Any", body).close()
    (event,) = logged(log)
    assert (event["status"], event["bytes"], event["request_id"]) == (201, 300000, headers["X-Request-Id"])


def test_metrics_have_bounded_labels() -> None:
    metrics = Metrics()
    layer = TelemetryLayer(Inner(), metrics, TrustedProxies(()), None)
    call(layer)
    call(layer, REQUEST_METHOD="BREW")
    text = generate_latest(metrics.registry).decode()
    assert 'pyharbor_http_requests_total{method="GET",route="ping",status="200"} 1.0' in text
    assert 'pyharbor_http_requests_total{method="other",route="ping",status="200"} 1.0' in text
    assert 'pyharbor_http_request_duration_seconds_count{route="ping"} 2.0' in text


@pytest.mark.parametrize(
    ("remote", "forwarded", "expected"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.8, 10.0.0.7", "10.0.0.8"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ("", "203.0.113.9", ""),
    ],
)
def test_clients_behind_trusted_proxies(remote: str, forwarded: str, expected: str) -> None:
    inner = Inner()
    call(wrap(inner, "10.0.0.0/24"), REMOTE_ADDR=remote, HTTP_X_FORWARDED_FOR=forwarded)
    assert inner.environ["REMOTE_ADDR"] == expected


def test_only_trusted_proxies_decide_the_scheme() -> None:
    inner = Inner()
    for remote, expected in (("10.0.0.1", "https"), ("192.0.2.1", "http")):
        environ: dict[str, object] = {
            "HTTP_X_FORWARDED_PROTO": "https",
            "wsgi.url_scheme": "http",
            "REMOTE_ADDR": remote,
        }
        call(wrap(inner, "10.0.0.1"), **environ)
        assert inner.environ["wsgi.url_scheme"] == expected
