"""Other processes as the kernel shows them: children, command lines, memory, open sockets."""

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path


def descendants(root: int) -> list[int]:
    """The children of a process, theirs, and so on; each generation in the order of ids."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, frontier = [], {root}
    while frontier:
        frontier = {pid for pid, parent in parents.items() if parent in frontier}
        found += sorted(frontier)
    return found


def command_line(pid: int) -> str:
    """What it was started with, joined by blanks; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def proportional_megabytes(pids: Iterable[int]) -> float:
    """What the processes hold together; memory that they share counts once. A process that has ended holds nothing."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
            total += sum(int(size) for size in re.findall(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE))
    return total / 1024


def open_sockets(pids: Iterable[int]) -> int:
    """How many sockets the processes have open together."""
    return sum(link.startswith("socket:") for pid in pids for link in open_files(pid))


def open_files(pid: int) -> list[str]:
    """Where the open files of a process lead, as far as they stay open while they are read."""
    links: list[str] = []
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                links.append(os.readlink(entry))  # noqa: PTH115 - a socket is no path
    return links
