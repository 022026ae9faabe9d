"""Counts what one call takes: database statements, function calls, bytecodes, memory. Nothing here is a time."""

import gc
import sqlite3
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any
from unittest import mock

_WARM_UP = 4
_TIMES = 5


@dataclass(slots=True, kw_only=True)
class Statements:
    """The statements that SQLite runs, on whichever connection and in whichever thread."""

    texts: list[str] = field(default_factory=list)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch all connections that are opened meanwhile, for as long as they stay open."""
        connect = sqlite3.connect

        def watching(*args: Any, **kwargs: Any) -> sqlite3.Connection:  # noqa: ANN401 - as the driver has them
            connection: sqlite3.Connection = connect(*args, **kwargs)
            connection.set_trace_callback(self._note)
            return connection

        with mock.patch.object(sqlite3, "connect", watching), mock.patch.object(sqlite3.dbapi2, "connect", watching):
            yield

    def _note(self, text: str) -> None:
        if not text.startswith("--"):  # a trigger's, which the statement that set it off stands for
            self.texts.append(text)


def statements_of(request: Callable[[], None], statements: Statements) -> dict[str, float]:
    """The statements alone of a request that is not the first of its kind."""
    for _ in range(_WARM_UP):
        request()
    return {"statements": min(_statements(request, statements) for _ in range(_TIMES))}


def counts_of(request: Callable[[], None], statements: Statements) -> dict[str, float]:
    """What the request takes when it is not the first of its kind: the least of several, as caches fill meanwhile."""
    counts = statements_of(request, statements)
    gc.collect()
    gc.disable()
    try:
        return counts | {
            "calls": min(_calls(request) for _ in range(_TIMES)),
            "bytecodes": min(_bytecodes(request) for _ in range(_TIMES)),
            "bytes": min(_bytes(request) for _ in range(_TIMES)),
        }
    finally:
        gc.enable()


def _statements(request: Callable[[], None], statements: Statements) -> int:
    statements.texts.clear()
    request()
    return len(statements.texts)


def _calls(request: Callable[[], None]) -> int:
    count = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        request()
    finally:
        sys.setprofile(None)
    return count


def _bytecodes(request: Callable[[], None]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:  # noqa: ANN401 - itself
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    sys.settrace(trace)
    try:
        request()
    finally:
        sys.settrace(None)
    return count


def _bytes(request: Callable[[], None]) -> int:
    """How much more memory Python holds at the highest moment than before."""
    tracemalloc.start()
    try:
        request()
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        request()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before
