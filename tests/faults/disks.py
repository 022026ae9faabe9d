"""Small disks that can be filled and made read-only. Mounting takes root."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_BLOCK: Final = bytes(64 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A file system in memory at ``path``."""

    path: Path

    def fill(self) -> None:
        """Leave no byte free."""
        with self._filler.open("ab", buffering=0) as filler:
            for block in (_BLOCK, b"\0"):
                try:
                    while filler.write(block) == len(block):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Give back what ``fill`` took."""
        self._filler.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Refuse every write, as a disk does after an error."""
        _run("mount", "-o", "remount,ro", str(self.path))
        try:
            yield
        finally:
            _run("mount", "-o", "remount,rw", str(self.path))

    @property
    def _filler(self) -> Path:
        return self.path / "filler"


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[Disk]:
    """Mount one, and unmount it at the end."""
    assert os.geteuid() == 0, "these tests mount file systems: run them as root"
    path.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(path))
    try:
        yield Disk(path=path)
    finally:
        _run("umount", "--lazy", str(path))


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
