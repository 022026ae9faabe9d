"""Timestamps of log lines as text."""

import time
from collections.abc import MutableMapping
from typing import Any


class Stamps:
    """Makes UTC timestamps like ``2026-11-27T04:08:02.907090Z``; formats the seconds only once per second."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = (-1, "")

    def now(self) -> str:
        """Return the current time."""
        second, micros = divmod(time.time_ns() // 1000, 1_000_000)
        last, text = self._last
        if second != last:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._last = (second, text)
        return f"{text}.{micros:06d}Z"

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Add the timestamp to the event, as a structlog processor."""
        event["timestamp"] = self.now()
        return event
