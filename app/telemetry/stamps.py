"""The moment of a log line as text, without making all of it anew for each line."""

import time
from collections.abc import MutableMapping
from typing import Any


class Stamps:
    """Moments in UTC with microseconds, as ``2026-11-27T04:08:02.907090Z``; the seconds' text is made once a second."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last = (-1, "")

    def now(self) -> str:
        """The present moment."""
        second, micros = divmod(time.time_ns() // 1000, 1_000_000)
        last, text = self._last
        if second != last:
            text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._last = (second, text)
        return f"{text}.{micros:06d}Z"

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """As structlog's processor: the event with its moment."""
        event["timestamp"] = self.now()
        return event
