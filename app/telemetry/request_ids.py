"""Request ids: make them without a system call, and add the current one to every log line."""

import os
import random
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, Final

current: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""The id of the request that this thread or task works for; empty outside a request."""
_VERSION: Final = 0x4000 << 64
_VARIANT: Final = 0x8000 << 48
_FREE: Final = ~(0xF000 << 64 | 0xC000 << 48)


class RequestIds:
    """Makes version 4 UUIDs with a generator of this process; they are names, not secrets."""

    def __init__(self) -> None:
        """Seed the generator from the kernel, and again in every forked process."""
        self._random = random.Random()  # noqa: S311 - names, not secrets
        os.register_at_fork(after_in_child=self._random.seed)

    def new(self) -> str:
        """Return a new id."""
        digits = f"{self._random.getrandbits(128) & _FREE | _VERSION | _VARIANT:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add the current request's id to the event, as a structlog processor."""
    if request_id := current.get():
        event.setdefault("request_id", request_id)
    return event
