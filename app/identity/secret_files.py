"""The installation's own secrets as files: made once, whichever process comes first, readable by their owner only."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path

from app.core.crypto import Keyring, random_key
from app.core.errors import InternalError

_KEY_BYTES = 32


def load_keyring(folder: Path) -> Keyring:
    """The installation's symmetric keys, made on the first start; InternalError when a file holds something else."""
    return Keyring(
        encryption=_key(folder / "encryption-key"),
        csrf=_key(folder / "csrf-key"),
        pepper=_key(folder / "pepper-key"),
    )


def read_or_create(path: Path, make: Callable[[], bytes]) -> bytes:
    """The file's content; when there is none yet, ``make`` it, and let the first of several processes win."""
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
    """Put ``content`` in place of the file in one step, so that no reader sees a half-written one."""
    write_draft(path, content).replace(path)
    _sync_folder(path.parent)


def write_draft(path: Path, content: bytes) -> Path:
    """Write ``content`` durably beside ``path`` under a name of its own, mode 0600, and return that name."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _key(path: Path) -> bytes:
    key = read_or_create(path, random_key)
    if len(key) != _KEY_BYTES:
        raise InternalError(f"{path} does not hold a key of {_KEY_BYTES} bytes; restore it from a backup")
    return key


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
