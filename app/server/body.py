"""Request bodies: collected before the application runs, or streamed from the socket while it runs."""

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
    """The bytes that all collected bodies of a process may take together, in memory and in files."""

    memory: ByteBudget
    files: ByteBudget


class CollectedBody(ReceivedBody):
    """A body that the loop receives as a whole: in memory while it is small and the budget lasts, else in a file."""

    def __init__(self, framing: Framing, room: BodyRoom) -> None:
        """Start empty."""
        self.framing = framing
        self.size = 0
        self.error: SizeInvalid | UploadInvalid | None = None
        """Why the body is incomplete; None when it is whole."""
        self.has_room = True
        """Whether the budgets had room for it."""
        self._room = room
        self._charged = 0
        self._charged_files = 0
        self._file: IO[bytes] = io.BytesIO()

    @property
    def is_small(self) -> bool:
        """Whether it is small enough for the application to read it on the loop's thread."""
        return self.size <= _SMALL

    def add(self, buffer: bytearray, count: int) -> bytes:
        """Add received bytes; return those that follow the body."""
        content, rest = self.framing.take(buffer, count)
        if content:
            self._make_room(content)
            self._file.write(memoryview(buffer)[:content])
            self.size += content
        if self.framing.decoder is not None and self.framing.decoder.error is not None:
            self.error = self.framing.decoder.error
        return rest

    def rewind(self) -> None:
        """Start reading at the beginning."""
        self._file.seek(0)

    def cut(self, limit: int) -> None:
        """Make reads end with SizeInvalid after the received bytes, as the body has more than ``limit``."""
        self.error = SizeInvalid(f"the body has more than {limit} bytes")

    def read(self, size: int | None = -1) -> bytes:
        """Read as a file does; raises ``error`` at the end, so that a part is never taken for the whole."""
        content = self._file.read(-1 if size is None else size)
        if self.error is not None and (size is None or not 0 <= size <= len(content)):
            raise self.error
        return content

    def readline(self, size: int = -1) -> bytes:
        """Read as a file does; raises what ``read`` raises."""
        line = self._file.readline(size)
        if self.error is not None and not line.endswith(b"\n") and not 0 <= size <= len(line):
            raise self.error
        return line

    def readlines(self, _: int = -1) -> list[bytes]:
        """Read as a file does; raises what ``read`` raises."""
        return list(self)

    def __iter__(self) -> Iterator[bytes]:
        """Iterate over the lines; raises what ``read`` raises."""
        return iter(self.readline, b"")

    def pieces(self) -> Generator[memoryview]:
        """Yield the body; raises ``error`` at the end."""
        while piece := self._file.read(BUFFER_BYTES):
            yield memoryview(piece)
        if self.error is not None:
            raise self.error

    def expect_rest(self, limit: int) -> None:
        """Do nothing: a collected body leaves nothing on the socket."""

    def close(self) -> None:
        """Delete the content and give its bytes back to the budgets."""
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
    """A body that the application reads from the socket.

    ``pieces`` waits milliseconds for more and then yields an empty piece, so that its reader can leave the thread
    until the loop sees that more has come. ``readinto`` waits, for applications that read it as a file.
    """

    is_small = False

    def __init__(self, connection: socket.socket, framing: Framing, received: bytes, busy: Callable[[], bool]) -> None:
        """Start with what was ``received`` after the head; ``busy`` tells whether tasks wait for a thread."""
        super().__init__()
        self.framing = framing
        self.moved = 0
        """Bytes received from the socket."""
        self.refusal: UploadInvalid | None = None
        """The error to raise in place of more content; set when the peer is too slow or the body too long."""
        self.rest = received if framing.done else b""
        """Once ``done``: the bytes after the body."""
        self.discard_limit = 0
        """The most unread bytes that may be discarded to keep the connection."""
        self.failed = False
        self._socket = connection
        self._position = 0
        self._received = b"" if framing.done else received
        self._busy = busy

    @property
    def done(self) -> bool:
        """Whether the whole body was read."""
        return self.framing.done

    def pieces(self) -> Generator[memoryview]:
        """Yield the content as it comes, an empty piece when none does.

        Pieces end at multiples of BLOCK_BYTES while enough comes, so that the kernel caches the written file in few
        large pages.
        """
        self._position = 0
        while not self.framing.done:
            if self._is_ready():
                with block() as buffer:
                    yield from self._pieces(buffer)
            if not self.framing.done:
                yield memoryview(b"")

    def _is_ready(self) -> bool:
        """Tell whether there is content or a refusal, so that a silent peer occupies no block."""
        return bool(self._received) or self.refusal is not None or self._more_comes(math.inf)

    def _pieces(self, buffer: bytearray) -> Iterator[memoryview]:
        """Yield content until none comes for some milliseconds, or tasks wait for this thread."""
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
        """Allow the server to discard up to ``limit`` unread bytes."""
        self.discard_limit = max(self.discard_limit, limit)

    def refuse(self, reason: str) -> None:
        """Make further reads raise UploadInvalid for this reason."""
        self.refusal = UploadInvalid(reason)

    def discard(self, limit: int) -> int | None:
        """Discard at most ``limit`` received bytes and return their number, None when the peer left; never waits."""
        buffer, discarded = take_buffer(), 0
        while not self.framing.done and not self.framing.broken and discarded < limit:
            count = self._receive(buffer, 0, min(limit - discarded, self.framing.coded(BUFFER_BYTES)))
            if count is None:
                return None
            if not count:
                break
            self._take(buffer, count)
            discarded += count
        return discarded

    def readable(self) -> bool:
        """Return True: the body can be read."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # what io hands over
        """Wait for content and return its length, 0 at the end; OSError when the peer is gone or too slow."""
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

    def _fill(self, buffer: bytearray, size: int, until: float) -> tuple[int, int | None]:
        """Collect at least ``size`` bytes of content, fewer when they do not come.

        Returns their number, and whether more may come: 0 for not yet, None for never.
        """
        content, count = 0, 1
        while content < size and not self.framing.done and not self.framing.broken:
            received = self._receive(buffer, content, self.framing.coded(size - content))
            if received:
                count = received
                content += self._take(buffer, count, content)
            elif received is None or not self._more_comes(until):
                return content, received
        return content, count

    def _receive(self, buffer: bytearray, start: int, size: int) -> int | None:
        """Receive at most ``size`` bytes into ``buffer`` at ``start``; their number, 0 for none yet, None for never."""
        room = min(size, len(buffer) - start)
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

    def _more_comes(self, until: float) -> bool:
        """Wait some milliseconds for more, fewer when tasks wait for this thread; tell whether it has come."""
        return time.monotonic() < until and self._wait(_BUSY_LULL_MS if self._busy() else _LULL_MS)

    def _wait(self, milliseconds: int) -> bool:
        poller = select.poll()
        poller.register(self._socket, select.POLLIN)
        return bool(poller.poll(milliseconds))
