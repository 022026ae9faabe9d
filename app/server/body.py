"""Request bodies: taken in before their request is looked at, or read from the socket while it is answered."""

import io
import math
import select
import socket
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import IO, Final

from app.core.budget import ByteBudget
from app.core.errors import SizeInvalid, UploadInvalid
from app.registry.receive import BUFFER_BYTES, ReceivedBody
from app.server.buffers import BLOCK_BYTES, block, take_buffer
from app.server.framing import Framing

_SPOOLED: Final = 64 * 1024
_SMALL: Final = 8 * 1024
_LULL_MS: Final = 25
_BUSY_LULL_MS: Final = 5
_TURN_SECONDS: Final = 0.2
_POLL_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class BodyRoom:
    """How much the bodies taken in by one process may use together, in memory and in files."""

    memory: ByteBudget
    files: ByteBudget


class CollectedBody(ReceivedBody):
    """A body that is here already: in memory while it is small and the budget lasts, else in a file without a name."""

    def __init__(self, framing: Framing, room: BodyRoom) -> None:
        """Start empty."""
        self.framing = framing
        self.size = 0
        self.error: SizeInvalid | UploadInvalid | None = None
        """Why there is no more of it; None when it is whole."""
        self.has_room = True
        """Whether it could be taken in."""
        self._room = room
        self._charged = 0
        self._charged_files = 0
        self._file: IO[bytes] = io.BytesIO()

    @property
    def is_small(self) -> bool:
        """Whether looking through it takes no time worth speaking of."""
        return self.size <= _SMALL

    def add(self, buffer: bytearray, count: int) -> bytes:
        """Take in what was received; returns what follows the body."""
        content, rest = self.framing.take(buffer, count)
        if content:
            self._make_room(content)
            self._file.write(memoryview(buffer)[:content])
            self.size += content
        if self.framing.decoder is not None and self.framing.decoder.error is not None:
            self.error = self.framing.decoder.error
        return rest

    def end(self) -> None:
        """Nothing more will come."""
        if not self.framing.done and self.error is None:
            self.error = self.framing.error_at_end()

    def rewind(self) -> None:
        """Let it be read from its beginning."""
        self._file.seek(0)

    def cut(self, limit: int) -> None:
        """There is more than ``limit`` bytes of it, which nobody will get."""
        self.error = SizeInvalid(f"the body has more than {limit} bytes")

    def read(self, size: int | None = -1) -> bytes:
        """Read as a file; raises its error at its end, so that a part of it is never taken for the whole."""
        content = self._file.read(-1 if size is None else size)
        if self.error is not None and (size is None or not 0 <= size <= len(content)):
            raise self.error
        return content

    def readline(self, size: int = -1) -> bytes:
        """Read as a file; errors as ``read``."""
        line = self._file.readline(size)
        if self.error is not None and not line.endswith(b"\n") and not 0 <= size <= len(line):
            raise self.error
        return line

    def readlines(self, _: int = -1) -> list[bytes]:
        """Read as a file; errors as ``read``."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        """The lines, as a file; errors as ``read``."""
        return iter(self.readline, b"")

    def pieces(self) -> Generator[memoryview]:
        """Yield the body; raises its error at its end."""
        while piece := self._file.read(BUFFER_BYTES):
            yield memoryview(piece)
        if self.error is not None:
            raise self.error

    def expect_rest(self, limit: int) -> None:
        """Nothing is left of it."""

    def close(self) -> None:
        """Give back what it takes."""
        self._file.close()
        self._room.memory.give_back(self._charged)
        self._room.files.give_back(self._charged_files)
        self._charged = self._charged_files = 0

    def _make_room(self, count: int) -> None:
        if not isinstance(self._file, io.BytesIO):
            self._charge_files(count)
            return
        if self.size + count <= _SPOOLED and self._room.memory.take(count):
            self._charged += count
            return
        memory, self._file = self._file, tempfile.TemporaryFile()  # noqa: SIM115 - closed with the request
        self._file.write(memory.getbuffer())
        self._room.memory.give_back(self._charged)
        self._charged = 0
        self._charge_files(self.size + count)

    def _charge_files(self, count: int) -> None:
        if self._room.files.take(count):
            self._charged_files += count
        else:
            self.has_room = False


class StreamedBody(ReceivedBody, io.RawIOBase):
    """A body that is read from the socket by whoever wants it.

    ``pieces`` never waits longer than a moment: it yields an empty piece then, and whoever gets it may let go of its
    thread until the loop has seen more come. ``readinto`` waits, for applications that read it as a file.
    """

    is_small = False

    def __init__(self, connection: socket.socket, framing: Framing, received: bytes, busy: Callable[[], bool]) -> None:
        """Begin with what was ``received`` behind the head; ``busy`` tells that others wait for this thread."""
        super().__init__()
        self.framing = framing
        self.moved = 0
        """Bytes that have come."""
        self.refusal: UploadInvalid | None = None
        """Set when the peer has used up its time."""
        self.rest = received if framing.done else b""
        """Once it is done: what came behind it."""
        self.unwanted = 0
        """Bytes of the rest that may be thrown away to keep the connection."""
        self.failed = False
        self._socket = connection
        self._position = 0
        self._received = b"" if framing.done else received
        self._busy = busy

    @property
    def done(self) -> bool:
        """Whether all of it was read."""
        return self.framing.done

    def pieces(self) -> Generator[memoryview]:
        """Yield what comes, an empty piece when nothing does; see ``receive``.

        Pieces end at multiples of BLOCK_BYTES while enough comes: files written so are kept in few large pages.
        """
        self._position = 0
        while not self.framing.done:
            if self._is_ready():
                with block() as buffer:
                    yield from self._pieces(buffer)
            if not self.framing.done:
                yield memoryview(b"")

    def _is_ready(self) -> bool:
        """Whether there is something to do, so that a silent peer takes no block."""
        return bool(self._received) or self.refusal is not None or self._comes(math.inf)

    def _pieces(self, buffer: bytearray) -> Iterator[memoryview]:
        """Yield what comes, until nothing does for a moment or others wait for this thread."""
        turn = time.monotonic() + _TURN_SECONDS
        more: int | None = 1
        while more and not self.framing.done and not (time.monotonic() > turn and self._busy()):
            if self.refusal is not None:
                raise self.refusal
            content, more = self._fill(buffer, BLOCK_BYTES - self._position % BLOCK_BYTES, turn)
            if content:
                self._position += content
                yield memoryview(buffer)[:content]
            if more is None:
                raise self.framing.error_at_end()
            if self.framing.decoder is not None and self.framing.decoder.error is not None:
                raise self.framing.decoder.error

    def expect_rest(self, limit: int) -> None:
        """Let the server throw away up to ``limit`` bytes that are left."""
        self.unwanted = max(self.unwanted, limit)

    def refuse(self, reason: str) -> None:
        """Let whoever reads it get no more, but an UploadInvalid for this reason."""
        self.refusal = UploadInvalid(reason)

    def discard(self, limit: int) -> int | None:
        """Throw away what is here, at most ``limit`` bytes; the count, None at the peer's end. Never waits."""
        buffer, thrown = take_buffer(), 0
        while not self.framing.done and not self.framing.broken and thrown < limit:
            count = self._receive(buffer, 0, min(limit - thrown, self.framing.coded(BUFFER_BYTES)))
            if count is None:
                return None
            if not count:
                break
            self._take(buffer, count)
            thrown += count
        return thrown

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what io hands over
        """Wait for some of the body, 0 at its end; OSError when the peer is gone or too slow."""
        view = memoryview(buffer).cast("B")
        block = bytearray(min(len(view), BUFFER_BYTES))
        while not self.framing.done:
            count = self._receive(block, 0, self.framing.coded(len(block)))
            if count is None or self.framing.broken or self.refusal is not None:
                self.failed = True
                raise OSError(str(self.refusal or self.framing.error_at_end()))
            if not count:
                self._wait(_POLL_MS)
                continue
            if content := self._take(block, count):
                view[:content] = block[:content]
                return content
        return 0

    def _fill(self, buffer: bytearray, wanted: int, until: float) -> tuple[int, int | None]:
        """Collect at least ``wanted`` bytes of content, less when they do not come.

        Returns how many there are, and whether more may come: 0 not at the moment, None never.
        """
        content, count = 0, 1
        while content < wanted and not self.framing.done and not self.framing.broken:
            received = self._receive(buffer, content, self.framing.coded(wanted - content))
            if received:
                count = received
                content += self._take(buffer, count, content)
            elif received is None or not self._comes(until):
                return content, received
        return content, count

    def _receive(self, buffer: bytearray, start: int, wanted: int) -> int | None:
        """Put what there is into ``buffer`` from ``start`` on: how much; 0 for nothing yet, None for never again."""
        room = min(wanted, len(buffer) - start)
        if self._received:
            count = min(len(self._received), room)
            buffer[start : start + count] = self._received[:count]
            self._received = self._received[count:]
            return count
        try:
            count = self._socket.recv_into(memoryview(buffer)[start:], room)
        except BlockingIOError:
            return 0
        except OSError:
            return None
        self.moved += count
        return count or None

    def _take(self, buffer: bytearray, count: int, start: int = 0) -> int:
        content, rest = self.framing.take(buffer, count, start)
        if self.framing.done:
            self.rest = rest + self._received
            self._received = b""
        return content

    def _comes(self, until: float) -> bool:
        """Whether more comes within a moment, which is shorter when others wait for this thread."""
        return time.monotonic() < until and self._wait(_BUSY_LULL_MS if self._busy() else _LULL_MS)

    def _wait(self, milliseconds: int) -> bool:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return bool(poller.poll(milliseconds))
