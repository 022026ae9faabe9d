"""The installation's secrets as files: created once, by the first process, and readable by their owner only."""

import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from app.core.errors import PreconditionError

_OTHERS: Final = 0o077


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """Return the file's content; create it with ``make`` when it is missing, once for several processes."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    draft = write_draft(path, make())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _sync_folder(path.parent)
    return path.read_bytes()


def replace(path: Path, content: bytes) -> None:
    """Replace the file by ``content`` atomically, so that no reader sees a half-written one."""
    write_draft(path, content).replace(path)
    _sync_folder(path.parent)


def write_draft(path: Path, content: bytes) -> Path:
    """Write ``content`` durably to a new file beside ``path``, mode 0600, and return its path."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def require_private(path: Path) -> None:
    """Raise PreconditionError, with the remedy, when other users may access an existing file or folder."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return
    if status.st_uid != os.geteuid():
        raise PreconditionError(
            f"{path} belongs to user {status.st_uid}, and this process runs as user {os.geteuid()}: "
            f"start it as that user, or run 'chown -R {os.geteuid()} {path}'"
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & _OTHERS:
        right = mode & ~_OTHERS
        raise PreconditionError(
            f"{path} is open to others than its owner (mode {mode:04o}): run 'chmod {right:o} {path}'"
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
