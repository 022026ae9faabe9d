"""A small WSGI application whose answers are told by the path."""

import io
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from app.core.blocking import about_to_block
from app.registry.receive import close_after_answer

Environ = dict[str, Any]
Start = Callable[..., Any]
LARGE = 3_000_064


def ok(start: Start, body: bytes, *headers: tuple[str, str]) -> tuple[bytes, ...]:
    """An answer of known length."""
    start("200 OK", [("Content-Length", str(len(body))), *headers])
    return (body,)


class Played:
    """An application whose answers are told by the path; ``/v2/`` paths are quick."""

    def __init__(self) -> None:
        self.threads: list[str] = []
        self.let_go = threading.Event()
        self.closed = threading.Event()
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the fixture
        self.file.write(bytes(range(256)) * (LARGE // 256))
        self.file.flush()

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """Answer."""
        self.threads.append(threading.current_thread().name)
        what = environ["PATH_INFO"].rpartition("/")[2]
        answer: Iterable[bytes] = getattr(self, what or "ping")(environ, start)
        return answer

    def ping(self, environ: Environ, start: Start) -> Iterable[bytes]:
        return ok(start, environ["QUERY_STRING"].encode())

    health = ping

    def echo(self, environ: Environ, start: Start) -> Iterable[bytes]:
        return ok(start, environ["wsgi.input"].read())

    def refuse(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("403 Forbidden", [("Content-Length", "2")])
        return [b"no"]

    def empty(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("204 No Content", [("Content-Length", "0")])
        return ()

    def wait(self, _: Environ, start: Start) -> Iterable[bytes]:
        about_to_block()
        self.let_go.wait(20)
        return ok(start, b"waited")

    def pieces(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        try:
            for number in range(50):
                yield b"%d," % number * 1000
                yield b""
        finally:
            self.closed.set()

    def content(self, environ: Environ, start: Start) -> Iterable[bytes]:
        size = int(environ["QUERY_STRING"] or LARGE)
        start("200 OK", [("Content-Length", str(size))])
        copy = os.fdopen(os.dup(self.file.fileno()), "rb")
        copy.seek(0)
        answer: Iterable[bytes] = environ["wsgi.file_wrapper"](copy)
        return answer

    def fail(self, _: Environ, __: Start) -> Iterable[bytes]:
        raise KeyError

    def late(self, _: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [])
        return self._late()

    def _late(self) -> Iterator[bytes]:
        yield b"begun"
        raise KeyError

    def inject(self, _: Environ, start: Start) -> Iterable[bytes]:
        return ok(start, b"", ("X-A", "a\r\nX-B: b"))

    def nothing(self, _: Environ, __: Start) -> Iterable[bytes]:
        return [b"no head"]

    def no_body(self, _: Environ, start: Start) -> Any:  # noqa: ANN401 - nothing that WSGI knows
        start("200 OK", [])

    def numbers(self, _: Environ, start: Start) -> Any:  # noqa: ANN401 - as above
        start("200 OK", [])
        return [1, 2]

    def no_file(self, environ: Environ, start: Start) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "5")])
        answer: Iterable[bytes] = environ["wsgi.file_wrapper"](io.BytesIO(b"hello"))
        return answer

    def slow_end(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """An answer whose end would wait."""
        answer: Any = self.content(environ, start)
        close = answer.close

        def end() -> None:
            about_to_block()
            close()
            self.closed.set()

        answer.close = end
        return answer  # type: ignore[no-any-return]  # a file

    def large(self, _: Environ, start: Start) -> Iterable[bytes]:
        return ok(start, bytes(LARGE))

    def slow(self, environ: Environ, start: Start) -> Iterable[bytes]:
        """What takes its time wherever it runs."""
        time.sleep(0.002)
        return self.ping(environ, start)

    def goodbye(self, environ: Environ, start: Start) -> Iterable[bytes]:
        close_after_answer(environ)
        return ok(start, b"bye")
