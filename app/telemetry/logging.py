"""Set up structured logging on standard error for the product and its libraries, with secrets masked."""

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, Final

import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from app.settings import LogSettings
from app.telemetry.access import AccessLog, json_line, plain_line, quoted
from app.telemetry.lines import Lines
from app.telemetry.request_ids import add_request_id
from app.telemetry.stamps import Stamps

_SECRET: Final = frozenset(
    {"authorization", "cookie", "credential", "password", "refresh_token", "secret", "set_cookie", "token"}
)
_MASK: Final = "***"
_ELABORATE: Final = frozenset({"exc_info", "exception", "logger", "logger_name", "stack"})
_WITH_HANDLERS_OF_THEIR_OWN: Final = ("gunicorn.error", "gunicorn.access")
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
"""Renders tracebacks without local variables, which may hold passwords and tokens."""


def configure_logging(settings: LogSettings) -> AccessLog | None:
    """Send events of structlog and of the standard library through the same processors, from ``settings.level`` on.

    Return the access log, None when it is off.
    """
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    lines = Lines(sys.stderr)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_request_id,
        structlog.stdlib.add_log_level,
        Stamps(),
        mask_secrets,
    ]
    rendered: list[Processor] = [_TRACEBACKS, _as_json] if settings.format == "json" else [_console()]
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _LineLogger(lines),
        cache_logger_on_first_use=True,
    )
    _adopt_standard_library(max(level, logging.INFO), shared, rendered, lines)
    if not settings.access or level > logging.INFO:
        return None
    return AccessLog(lines, _access_line(rendered[-1]))


def mask_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask the values of fields whose names stand for secrets."""
    for name in event.keys() & _SECRET:
        event[name] = _MASK
    return event


def _console() -> Processor:
    colors = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    return renderer if colors else _PlainLines(renderer)


class _PlainLines:
    """Renders the lines of structlog's ConsoleRenderer in less time; ``elaborate`` itself renders tracebacks."""

    def __init__(self, elaborate: structlog.dev.ConsoleRenderer) -> None:
        self._elaborate = elaborate

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        if not _ELABORATE.isdisjoint(event):
            return self._elaborate(logger, method, event)
        timestamp, level, name = event.pop("timestamp", ""), event.pop("level", ""), event.pop("event", "")
        fields = [f"{field}={quoted(event[field])}" for field in sorted(event)]
        return " ".join((f"{timestamp} [{level:<9}] {name!s:<30}", *fields)).rstrip(" ")


def _as_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return json_line(dict(event))[:-1].decode()


def _encoded(line: str) -> bytes:
    return f"{line}\n".encode("utf-8", "backslashreplace")


def _access_line(renderer: Processor) -> Callable[[dict[str, Any]], bytes]:
    """Return a function that renders a request's event as ``renderer`` does, a faster one where there is one."""
    if renderer is _as_json:
        return json_line
    if isinstance(renderer, _PlainLines):
        return plain_line
    return lambda event: _encoded(str(renderer(None, "info", dict(event))))


class _LineLogger:
    """Writes structlog's rendered events as lines, errors at once."""

    __slots__ = ("_lines",)

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def msg(self, message: str) -> None:
        self._lines.write(_encoded(message))

    def error(self, message: str) -> None:
        self._lines.write(_encoded(message), urgent=True)

    debug = info = warning = warn = msg
    critical = exception = fatal = error


class _LineHandler(logging.Handler):
    """Writes the standard library's records as lines, errors at once."""

    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record; one that cannot be formatted is reported by the library's ``handleError``."""
        try:
            self._lines.write(_encoded(self.format(record)), urgent=record.levelno >= logging.ERROR)
        except Exception:  # noqa: BLE001 - whatever a record's arguments raise
            self.handleError(record)


def _adopt_standard_library(level: int, shared: list[Processor], rendered: list[Processor], lines: Lines) -> None:
    handler = _LineHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _WITH_HANDLERS_OF_THEIR_OWN:
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
