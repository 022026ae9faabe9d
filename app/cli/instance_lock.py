"""A lock file that allows one ``pyharbor up`` per data folder, held until the supervisor has ended."""

import fcntl
import os
from pathlib import Path
from typing import Final

from app.core.errors import PreconditionError

_DESCRIPTOR: Final = 3
"""The lock's descriptor in the supervisor, which closes those from 5 on and gives its children none above 2."""
_LONGEST_PID: Final = 20


def hold(path: Path) -> None:
    """Lock the file for this process and the program that replaces it; PreconditionError names the present holder."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, _LONGEST_PID).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise PreconditionError(
            f"the data folder is in use: 'pyharbor up' runs on it as process {holder} (lock {path}); "
            "stop that one first, or set HARBOR_DATA_DIR to another folder"
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    if descriptor == _DESCRIPTOR:
        os.set_inheritable(descriptor, True)  # noqa: FBT003 - the library's own signature
        return
    os.dup2(descriptor, _DESCRIPTOR)
    os.close(descriptor)
