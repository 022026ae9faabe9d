"""The access log: one line per request."""

import re
from collections.abc import Callable
from select import PIPE_BUF
from typing import Any, Final

import orjson

from app.telemetry.lines import Lines
from app.telemetry.stamps import Stamps

Event = dict[str, Any]
_LOGGED: Final = 1000
"""The most characters of a path, and of a user agent, that are logged."""
_LOGGED_OF_LONG: Final = 200
"""The same bound for a line over PIPE_BUF, which a pipe may split; escaped, one character may take six bytes."""
_BARE: Final = re.compile(r"""[^\x00-\x20\x7f-\xa0="']*""").fullmatch


class AccessLog:
    """Writes request lines in the format of all other log lines; ``render`` turns an event into a line."""

    __slots__ = ("_lines", "_render", "_stamps")

    def __init__(self, lines: Lines, render: Callable[[Event], bytes]) -> None:
        self._lines = lines
        self._render = render
        self._stamps = Stamps()

    def answered(self, environ: Event, route: str, status: str, length: str, seconds: float) -> None:
        """Log a request that has ended; never waits for the output."""
        event = {
            "method": environ["REQUEST_METHOD"],
            "path": environ.get("PATH_INFO", "")[:_LOGGED],
            "route": route,
            "status": int(status),
            "bytes": int(length),
            "ms": round(seconds * 1000, 1),
            "address": environ.get("REMOTE_ADDR", ""),
            "agent": environ.get("HTTP_USER_AGENT", "")[:_LOGGED],
            "event": "request",
            "request_id": environ["pyharbor.request_id"],
            "level": "info",
            "timestamp": self._stamps.now(),
        }
        line = self._render(event)
        if len(line) > PIPE_BUF:
            for name in ("path", "agent"):
                event[name] = event[name][:_LOGGED_OF_LONG]
            line = self._render(event)
        self._lines.write(line)


def json_line(event: Event) -> bytes:
    """Return the event as a line of JSON."""
    return orjson.dumps(event, default=str, option=orjson.OPT_APPEND_NEWLINE)


def plain_line(event: Event) -> bytes:
    """Return a request's event as the line that structlog's ``ConsoleRenderer`` makes of it without colours."""
    return (
        f"{event['timestamp']} [info     ] request                        address={quoted(event['address'])}"
        f" agent={quoted(event['agent'])} bytes={event['bytes']} method={quoted(event['method'])} ms={event['ms']}"
        f" path={quoted(event['path'])} request_id={quoted(event['request_id'])} route={quoted(event['route'])}"
        f" status={event['status']}\n"
    ).encode("utf-8", "backslashreplace")


def quoted(value: object) -> str:
    """Return the value as ``ConsoleRenderer`` shows it."""
    return value if isinstance(value, str) and _BARE(value) else repr(value)
