"""Structured logging: every line of ours and of the libraries' is one event, on standard error, without secrets."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import orjson
import structlog
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from app.settings import LogSettings

_SECRET: Final = frozenset(
    {"authorization", "cookie", "credential", "password", "refresh_token", "secret", "set_cookie", "token"}
)
_MASK: Final = "***"
_ELABORATE: Final = frozenset({"exc_info", "exception", "logger", "logger_name", "stack"})
_BARE: Final = re.compile(r"""[^\x00-\x20\x7f-\xa0="']*""")
_WITH_HANDLERS_OF_THEIR_OWN: Final = ("gunicorn.error", "gunicorn.access")
_TRACEBACKS: Final = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))
"""Frames without their variables, which hold passwords and tokens."""


def configure_logging(settings: LogSettings) -> None:
    """Send our events and the standard library's through the same processors, from ``settings.level`` on."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    rendered: list[Processor] = [_TRACEBACKS, _as_json] if settings.format == "json" else [_console()]
    structlog.configure(
        processors=[*shared, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _adopt_standard_library(max(level, logging.INFO), shared, rendered)


def mask_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the values of fields whose name says that they hold a secret."""
    for name in event.keys() & _SECRET:
        event[name] = _MASK
    return event


def _console() -> Processor:
    colors = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)
    return renderer if colors else _PlainLines(renderer)


class _PlainLines:
    """The same lines as ``elaborate`` for a fraction of its time, which is asked only when there is a trace."""

    def __init__(self, elaborate: structlog.dev.ConsoleRenderer) -> None:
        self._elaborate = elaborate

    def __call__(self, logger: object, method: str, event: MutableMapping[str, Any]) -> str:
        if not _ELABORATE.isdisjoint(event):
            return self._elaborate(logger, method, event)
        began, level, what = event.pop("timestamp", ""), event.pop("level", ""), event.pop("event", "")
        fields = [f"{name}={_quoted(event[name])}" for name in sorted(event)]
        return " ".join((f"{began} [{level:<9}] {what!s:<30}", *fields)).rstrip(" ")


def _quoted(value: object) -> str:
    return value if isinstance(value, str) and _BARE.fullmatch(value) else repr(value)


def _as_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return orjson.dumps(event, default=str).decode()


def _adopt_standard_library(level: int, shared: list[Processor], rendered: list[Processor]) -> None:
    handler = logging.StreamHandler(sys.stderr)
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
