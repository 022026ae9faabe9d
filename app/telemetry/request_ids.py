"""Ids of requests: made without the kernel, and known to every log line of the request."""

import os
import random
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final

current: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the request that this thread or task works for; empty outside any."""
_VERSION: Final = 0x4000 << 64
_VARIANT: Final = 0x8000 << 48
_FREE: Final = ~(0xF000 << 64 | 0xC000 << 48)


class RequestIds:
    """Version 4 UUIDs from a generator of this process's own; they name requests and protect nothing."""

    def __init__(self) -> None:
        """Seed from the kernel, and again in every process that is forked."""
        self._random = random.Random()  # noqa: S311 - names, not secrets
        os.register_at_fork(after_in_child=self._random.seed)

    def new(self) -> str:
        """An id that no other request has."""
        digits = f"{self._random.getrandbits(128) & _FREE | _VERSION | _VARIANT:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """As structlog's processor: the event with the id of the request that it belongs to."""
    if request_id := current.get():
        event.setdefault("request_id", request_id)
    return event
