"""What requests took when it was last recorded, what they take now, and where that is more than it may be."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

KINDS: Final = ("direct", "live")
TOLERANCE: Final = 0.05
EXACT: Final = frozenset({"statements"})
"""Not one more than recorded, and not one less without recording it."""
_OF_ONE_PYTHON: Final = frozenset({"calls", "bytecodes", "bytes"})
"""Another Python takes another number of them."""
_PATH: Final = Path(__file__).with_name("baseline.json")
_ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = 100
_DISK: Final = Path("/var/tmp")
"""On a disk: a file in memory cannot be asked for its cached pages, so a thread reads it, by more system calls."""
_LEFT_OUT: Final = ("HARBOR_", "COVERAGE_")
"""Variables that change what an installation does, or trace it."""

Counts = Mapping[str, Mapping[str, float]]
"""By row, by what is counted."""


def counted(kind: str) -> list[Counts]:
    """Count in a process of its own, whose sets have the same order each time; ``direct`` also with a planted one."""
    command = [sys.executable, "-m", "tests.budget", kind]
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_LEFT_OUT)}
    environment = kept | {"PYTHONHASHSEED": "0", "TMPDIR": str(_DISK)}
    run = subprocess.run(
        command, cwd=_ROOT, env=environment, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    assert run.returncode == 0, run.stderr[-4000:]
    counts: list[Counts] = json.loads(run.stdout.splitlines()[-1])
    return counts


def write(counts: Mapping[str, Counts]) -> None:
    """Make these the baseline."""
    _PATH.write_text(json.dumps({"python": _python(), **counts}, indent=2) + "\n", encoding="utf-8")


def read(kind: str) -> Counts:
    """The baseline, without what this Python cannot be compared by."""
    recorded: dict[str, Any] = json.loads(_PATH.read_text(encoding="utf-8"))
    left_out = frozenset() if recorded["python"] == _python() else _OF_ONE_PYTHON
    rows: dict[str, dict[str, float]] = recorded[kind]
    return {
        row: {what: count for what, count in counts.items() if what not in left_out} for row, counts in rows.items()
    }


def excesses(recorded: Counts, now: Counts) -> list[str]:
    """A sentence for each count that is more than 5 % above the recorded one, or differs where it is exact."""
    return [
        f"{row}: {now[row][what]:g} {what} instead of {count:g}"
        for row, counts in recorded.items()
        for what, count in counts.items()
        if what in now[row]
        if (now[row][what] != count if what in EXACT else now[row][what] > count * (1 + TOLERANCE))
    ]


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])
