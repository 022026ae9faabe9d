"""Logging: one JSON line per event, the libraries' included, and no secrets."""

import json
import logging
import re
import select
from collections.abc import Iterator

import pytest
import structlog

from app.settings import LogSettings
from app.telemetry import request_ids
from app.telemetry.logging import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_json_events(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(level="info", format="json", access=True))
    structlog.contextvars.clear_contextvars()
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger().info("pushed", digest="sha256:0", password="Harbor12345", authorization="Basic x")
        structlog.get_logger().debug("unseen")
        logging.getLogger("some.library").warning("careful %s", "now")
    ours, theirs = lines(capsys)
    assert ours.pop("timestamp")
    assert ours == {
        "event": "pushed",
        "level": "info",
        "digest": "sha256:0",
        "password": "***",
        "authorization": "***",
        "request_id": "r-1",
    }
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("careful now", "some.library", "warning")


def test_an_exception_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(level="info", format="json", access=True))
    try:
        json.loads("broken")
    except json.JSONDecodeError:
        structlog.get_logger().exception("failed")
    (event,) = lines(capsys)
    assert "JSONDecodeError" in json.dumps(event["exception"])


@pytest.mark.parametrize(
    "agent", ["", "docker/29", "two words", "a=b", "it's", 'say "no"', "line\nbreak", "\xe4", "5%"]
)
def test_plain_lines_are_the_console_renderers(agent: str) -> None:
    configure_logging(LogSettings(level="info", format="console", access=True))
    event = {"timestamp": "2026-01-01T00:00:00Z", "level": "info", "event": "request"}
    fields: dict[str, object] = {"status": 200, "ms": 0.1, "agent": agent, "path": "/v2/", "nothing": None}
    printed = structlog.get_config()["processors"][-1](None, "info", {**event, **fields})
    assert printed == structlog.dev.ConsoleRenderer(colors=False)(None, "info", {**event, **fields})


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(
    "agent", ["", "docker/29", "two words", "a=b", "it's", 'say "no"', "line\nbreak", "\xe4", "5%"]
)
def test_the_line_of_a_request_is_that_of_any_event(capsys: pytest.CaptureFixture[str], form: str, agent: str) -> None:
    access = configure_logging(LogSettings(level="info", format=form, access=True))
    assert access
    environ = {
        "REQUEST_METHOD": agent or "GET",
        "PATH_INFO": f"/{agent}",
        "HTTP_USER_AGENT": agent,
        "pyharbor.request_id": "r-1",
    }
    access.answered(environ, "manifest", "200", "5", 0.01234)
    request_ids.current.set("r-1")
    structlog.get_logger().info(
        "request",
        method=agent or "GET",
        path=f"/{agent}",
        route="manifest",
        status=200,
        bytes=5,
        ms=12.3,
        address="",
        agent=agent,
    )
    request_ids.current.set("")
    moment = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
    first, second = capsys.readouterr().err.splitlines()
    assert moment.search(first)
    assert moment.sub("", first) == moment.sub("", second)


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("letter", ["\0", "\xff", '"', "\n", "x"])
def test_the_line_of_a_request_is_short_enough_to_be_written_in_one_piece(
    capsys: pytest.CaptureFixture[str], form: str, letter: str
) -> None:
    access = configure_logging(LogSettings(level="info", format=form, access=True))
    assert access
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": letter * 8000,
        "HTTP_USER_AGENT": letter * 8000,
        "REMOTE_ADDR": "2001:db8:1111:2222:3333:4444:5555:6666",
        "pyharbor.request_id": '"' * 200,
    }
    access.answered(environ, "manifest", "200", "5", 0.01234)
    (line,) = capsys.readouterr().err.splitlines(keepends=True)
    assert 400 < len(line.encode()) <= select.PIPE_BUF


@pytest.mark.parametrize(("level", "access"), [("warning", True), ("info", False)])
def test_requests_are_not_logged_when_nobody_asked(level: str, access: bool) -> None:
    assert configure_logging(LogSettings(level=level, format="json", access=access)) is None


def test_console(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogSettings(level="warning", format="console", access=True))
    structlog.get_logger().info("unseen")
    structlog.get_logger().warning("seen", number=7)
    printed = capsys.readouterr().err
    assert "seen" in printed
    assert "number=7" in printed
    assert "unseen" not in printed
