"""Logs of executions and tasks, stored in rows of a few lines, with a limit per line and per log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from app.core.clock import iso_milliseconds
from app.core.paging import Listed, OffsetPage
from app.jobs.models import Execution, LogChunk, Task

RUN_BYTES: Final = 1024 * 1024
"""The limit of an execution's own log."""
TASK_BYTES: Final = 64 * 1024
"""The limit of a task's log."""
LINE_BYTES: Final = 2048
_CHUNK_BYTES: Final = 8192
_Chunk: TypeAlias = Row[int, int, int, int]
"""Id, size, the log's size, dropped lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a log; numbers start from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The log of an execution or of a task; exactly one of the two ids is set.

    Appending locks the owner's row, so that concurrent writers append one after the other.
    """

    execution_id: int | None = None
    task_id: int | None = None

    @property
    def limit(self) -> int:
        """The bytes that the log may hold."""
        return TASK_BYTES if self.execution_id is None else RUN_BYTES

    def append(self, session: Session, now: datetime, texts: Sequence[str]) -> None:
        """Append each line of the texts with the time ``now``; count the lines dropped when the log is full."""
        session.execute(self._owner())
        lines = [line for text in texts for line in _lines(now, text)]
        last: _Chunk | None = session.execute(self._last()).one_or_none()
        size, dropped = (last.log_size, last.dropped) if last else (0, 0)
        room = 0 if dropped else self.limit - size
        fitting = _fitting(lines, room)
        for text in _chunks(lines[:fitting], _CHUNK_BYTES - last.size if last else 0):
            size += _size(text)
            last = self._store(session, last, text, size)
        if last is not None and fitting < len(lines):
            more = sa.update(LogChunk).where(LogChunk.id == last.id)
            session.execute(more.values(dropped=LogChunk.dropped + len(lines) - fitting), execution_options=_PLAIN)

    def text(self, session: Session) -> str:
        """Return the whole log; a last line tells how many lines were dropped."""
        return "".join(self._texts(session))

    def page(self, session: Session, page: OffsetPage, search: str = "") -> Listed[LogLine]:
        """Return a page of the lines that contain ``search``, in any case, and the total number of such lines."""
        needle = search.casefold()
        numbered = enumerate(self.text(session).splitlines(), start=1)
        matching = [LogLine(number=number, text=line) for number, line in numbered if needle in line.casefold()]
        return Listed(items=matching[page.offset : page.offset + page.size], total=len(matching), page=page)

    def _own(self) -> sa.ColumnElement[bool]:
        if self.task_id is not None:
            return LogChunk.task_id == self.task_id
        return LogChunk.execution_id == self.execution_id

    def _owner(self) -> sa.Select[int]:
        if self.task_id is not None:
            return sa.select(Task.id).where(Task.id == self.task_id).with_for_update()
        return sa.select(Execution.id).where(Execution.id == self.execution_id).with_for_update()

    def _last(self) -> sa.Select[int, int, int, int]:
        columns = sa.select(LogChunk.id, LogChunk.size, LogChunk.log_size, LogChunk.dropped)
        return columns.where(self._own()).order_by(LogChunk.id.desc()).limit(1)

    def _store(self, session: Session, last: _Chunk | None, text: str, log_size: int) -> _Chunk:
        """Append to the last chunk while it is small, else insert a new one."""
        size = _size(text)
        columns = (LogChunk.id, LogChunk.size, LogChunk.log_size, LogChunk.dropped)
        if last is not None and last.size + size <= _CHUNK_BYTES:
            longer = {"text": LogChunk.text + text, "size": LogChunk.size + size, "log_size": log_size}
            update = sa.update(LogChunk).where(LogChunk.id == last.id).values(longer).returning(*columns)
            return session.execute(update, execution_options=_PLAIN).one()
        owner = {"execution_id": self.execution_id, "task_id": self.task_id}
        values = {"text": text, "size": size, "log_size": log_size, "dropped": 0}
        return session.execute(sa.insert(LogChunk).values(**owner, **values).returning(*columns)).one()

    def _texts(self, session: Session) -> Iterator[str]:
        stored = sa.select(LogChunk.text, LogChunk.dropped).where(self._own()).order_by(LogChunk.id)
        dropped = 0
        for chunk in session.execute(stored):
            dropped += chunk.dropped
            yield chunk.text
        if dropped:
            yield f"({dropped} more lines were not kept: a log holds at most {self.limit} bytes)\n"


_PLAIN: Final = {"synchronize_session": False}


def _lines(now: datetime, text: str) -> Iterator[str]:
    for line in text.replace("\0", "\N{REPLACEMENT CHARACTER}").splitlines() or [""]:
        content = line.encode(errors="replace")
        cut = len(content) - LINE_BYTES
        shown = content[:LINE_BYTES].decode(errors="ignore")
        yield f"{iso_milliseconds(now)} {shown}" + (f" … ({cut} more bytes)\n" if cut > 0 else "\n")


def _fitting(lines: Sequence[str], room: int) -> int:
    """Return how many of the lines fit into ``room`` bytes."""
    for number, line in enumerate(lines):
        room -= _size(line)
        if room < 0:
            return number
    return len(lines)


def _chunks(lines: Sequence[str], room: int) -> Iterator[str]:
    """Yield chunks of whole lines, the first no longer than ``room`` bytes."""
    text, size = "", 0
    for line in lines:
        if text and size + _size(line) > (room if room > 0 else _CHUNK_BYTES):
            yield text
            text, size, room = "", 0, 0
        text, size = text + line, size + _size(line)
    if text:
        yield text


def _size(text: str) -> int:
    return len(text.encode())
