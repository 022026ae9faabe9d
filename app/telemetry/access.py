"""The access log: one line per request, made in one step."""

import re
from collections.abc import Callable
from select import PIPE_BUF
from typing import Any, Final

import orjson

from app.telemetry.lines import Lines
from app.telemetry.stamps import Stamps

Event = dict[str, Any]
_LOGGED: Final = 1000
"""Characters of a path and of an agent."""
_LOGGED_OF_LONG: Final = 200
"""The same in a line that would else be longer than what is written in one piece, as one character may take six."""
_BARE: Final = re.compile(r"""[^\x00-\x20\x7f-\xa0="']*""").fullmatch


class AccessLog:
    """Lines with the form of every other event's; ``render`` makes the line of one."""

    __slots__ = ("_lines", "_render", "_stamps")

    def __init__(self, lines: Lines, render: Callable[[Event], bytes]) -> None:
        self._lines = lines
        self._render = render
        self._stamps = Stamps()

    def answered(self, environ: Event, route: str, status: str, length: str, seconds: float) -> None:
        """Log a request that is over; never waits for the log."""
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
    """The event as a line of JSON."""
    return orjson.dumps(event, default=str, option=orjson.OPT_APPEND_NEWLINE)


def plain_line(event: Event) -> bytes:
    """The event of a request as a line for people, which is that of ``ConsoleRenderer`` without colours."""
    return (
        f"{event['timestamp']} [info     ] request                        address={quoted(event['address'])}"
        f" agent={quoted(event['agent'])} bytes={event['bytes']} method={quoted(event['method'])} ms={event['ms']}"
        f" path={quoted(event['path'])} request_id={quoted(event['request_id'])} route={quoted(event['route'])}"
        f" status={event['status']}\n"
    ).encode("utf-8", "backslashreplace")


def quoted(value: object) -> str:
    """A value as ``ConsoleRenderer`` shows it."""
    return value if isinstance(value, str) and _BARE(value) else repr(value)
