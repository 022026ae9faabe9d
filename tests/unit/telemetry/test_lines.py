"""Log lines on their way out: whole, in order, soon, and in nobody's way."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest
import structlog

from app.settings import LogSettings
from app.telemetry.lines import Lines
from app.telemetry.logging import configure_logging

_SOON = 2.0
_START_SECONDS = 20.0


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """The reading end of a pipe, and a stream that writes to it."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as stream:
        yield reader, stream
    os.close(reader)


def appended(path: Path) -> TextIO:
    return path.open("a", encoding="utf-8")


def read_until(reader: int, text: bytes) -> bytes:
    received = b""
    deadline = time.monotonic() + _SOON
    os.set_blocking(reader, False)
    while text not in received:
        assert time.monotonic() < deadline, received[-1000:]
        try:
            received += os.read(reader, 65536)
        except BlockingIOError:
            time.sleep(0.005)
    return received


def test_lines_are_written_in_order_and_soon(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    lines = Lines(stream)
    for number in range(10):
        lines.write(b"line %d\n" % number)
    assert read_until(reader, b"line 9\n") == b"".join(b"line %d\n" % number for number in range(10))


def test_a_file_gets_many_lines_in_one_write(tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = """
import os, sys
from app.telemetry.lines import Lines
written = []
def write(number, piece, write=os.write):
    written.append(write(number, piece))
    return written[-1]
os.write = write
lines = Lines(sys.stderr)
for number in range(1000):
    lines.write(b"x" * 99 + b"\\n")
lines.close()
assert sum(written) == 100_000, written
assert len(written) <= 20, written
"""
    with appended(path) as stream:
        subprocess.run([sys.executable, "-c", program], stderr=stream, check=True, timeout=30)
    assert path.read_text(encoding="utf-8") == ("x" * 99 + "\n") * 1000


def test_an_urgent_line_is_written_at_once_after_those_before_it(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    lines = Lines(stream)
    os.set_blocking(reader, False)
    lines.write(b"before\n")
    lines.write(b"urgent\n", urgent=True)
    assert os.read(reader, 65536) == b"before\nurgent\n"


def test_many_writers_of_one_pipe_tear_no_line(pipe: tuple[int, TextIO]) -> None:
    reader, stream = pipe
    several = [Lines(stream) for _ in range(4)]
    count = 500

    def write(lines: Lines, name: bytes) -> None:
        for number in range(count):
            lines.write(b"%s %d %s.\n" % (name, number, name * (number % 300)))
        lines.flush(_SOON)

    threads = [
        threading.Thread(target=write, args=(lines, name))
        for lines, name in zip(several, (b"a", b"b", b"c", b"d"), strict=True)
    ]
    for thread in threads:
        thread.start()
    received = b""
    while received.count(b"\n") < count * len(several):
        received += os.read(reader, 65536)
    for thread in threads:
        thread.join()
    for name in (b"a", b"b", b"c", b"d"):
        ours = [line for line in received.split(b"\n") if line.startswith(name)]
        assert ours == [b"%s %d %s." % (name, number, name * (number % 300)) for number in range(count)]


def test_nobody_waits_for_a_reader_that_does_not_read(
    pipe: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, stream = pipe
    monkeypatch.setattr(sys, "stderr", stream)
    configure_logging(LogSettings(level="info", format="json", access=True))
    log = structlog.get_logger()
    before = time.monotonic()
    for _ in range(5000):
        log.info("x" * 1000)
    log.error("y")
    assert time.monotonic() - before < _SOON
    received = read_until(reader, b"log lines dropped")
    (told,) = [line for line in received.splitlines() if b"log lines dropped" in line]
    assert b'"level":"warning"' in told
    assert received.count(b"x" * 1000) < 5000


def test_a_reader_that_went_and_a_full_disk_harm_nobody() -> None:
    gone, writer = os.pipe()
    os.close(gone)
    with os.fdopen(writer, "w") as broken, Path("/dev/full").open("w", encoding="utf-8") as full:
        for lines in (Lines(broken), Lines(full)):
            for _ in range(3):
                lines.write(b"lost\n", urgent=True)
            lines.close()


def test_a_forked_process_writes_its_own_lines_only(tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = """
import os, sys
from app.telemetry.lines import Lines
lines = Lines(sys.stderr)
lines.write(b"parent\\n")
if os.fork() == 0:
    lines.write(b"child\\n")
    sys.exit()
os.wait()
"""
    with appended(path) as stream:
        subprocess.run([sys.executable, "-c", program], stderr=stream, check=True, timeout=30)
    assert sorted(path.read_text(encoding="utf-8").splitlines()) == ["child", "parent"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_end_of_a_process_loses_nothing(tmp_path: Path, form: str) -> None:
    path = tmp_path / "log"
    program = f"""
import atexit, signal, sys
import structlog
from app.settings import LogSettings
from app.telemetry.logging import configure_logging
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
configure_logging(LogSettings(level="info", format={form!r}, access=True))
atexit.register(lambda: structlog.get_logger().info("very last"))
for number in range(3000):
    structlog.get_logger().info("line", number=number)
signal.raise_signal(signal.SIGTERM)
"""
    with appended(path) as stream:
        subprocess.run([sys.executable, "-c", program], stderr=stream, check=True, timeout=30)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3001
    assert "very last" in lines[-1]


def test_a_killed_process_loses_nothing_older_than_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "log"
    program = """
import sys, time
from app.telemetry.lines import Lines
lines = Lines(sys.stderr)
for number in range(10):
    lines.write(b"%d\\n" % number)
time.sleep(30)
"""
    expected = "".join(f"{number}\n" for number in range(10))
    with (
        appended(path) as stream,
        subprocess.Popen([sys.executable, "-c", program], stderr=stream) as process,
    ):
        deadline = time.monotonic() + _START_SECONDS
        while path.read_text(encoding="utf-8") != expected and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert path.read_text(encoding="utf-8") == expected
