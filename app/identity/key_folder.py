"""The folder with the installation's keys: created at the first start, checked against the database at each start."""

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from app.core.crypto import random_key
from app.core.errors import PreconditionError
from app.db.database import Database
from app.identity import fingerprints
from app.identity.fingerprints import KeyName, Remembered, fingerprint
from app.identity.secret_files import read_or_create, replace, require_private

KEPT: Final = (KeyName.ENCRYPTION, KeyName.PEPPER)
"""Keys whose retired files are kept, because rows were written with them."""
_KEY_BYTES: Final = 32
_RSA_BITS: Final = 2048
_RETIRED: Final = "retired-"

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KeyFiles:
    """The content of a key's current and retired files, whose fingerprints the database knows."""

    current: bytes
    retired: tuple[bytes, ...]


class KeyFolder:
    """The keys of the installation whose database is ``db``, as files in ``path``."""

    def __init__(self, db: Database, path: Path) -> None:
        self._db = db
        self.path = path
        self._places = {name: str(self.file_of(name)) for name in KeyName}

    def file_of(self, name: KeyName) -> Path:
        """Return the path of the key."""
        return self.path / (f"{name}.pem" if name is KeyName.SIGNING else name)

    def stamp(self, name: KeyName) -> Stamp | None:
        """Return a value that changes when the key's file is replaced; None without a file."""
        try:
            status = os.stat(self._places[name])  # noqa: PTH116 - asked at every request, and half the time of a Path's
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino

    def check_in(self) -> None:
        """Create the keys that the database does not know and check the others, at the start of a process.

        Raises PreconditionError, with the way to restore, when a key is missing, different, damaged or accessible to
        others than its owner.
        """
        require_private(self.path.parent)
        require_private(self.path)
        for name, stored in fingerprints.remembered(self._db).items():
            if stored.current is None:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                read_or_create(self.file_of(name), lambda name=name: new_key(name))  # type: ignore[misc] # mypy cannot infer the lambda's type
                mark = fingerprint(name, self._material(name))
                with self._db.write() as session:
                    fingerprints.remember_first(session, name, mark, datetime.now(UTC))
        keys_in_database = fingerprints.remembered(self._db)
        self._require(keys_in_database)
        for name, stored in keys_in_database.items():
            if stored.following is not None and self._mark(name) == stored.following:
                self._promote(name)

    def read(self, name: KeyName) -> KeyFiles:
        """Return the content of the key's files; raise PreconditionError as ``check_in`` does."""
        stored = fingerprints.remembered(self._db)
        self._require({name: stored[name]})
        marks = {mark for mark in (*stored[name].retired, stored[name].current) if mark is not None}
        retired = tuple(content for mark, content in self._retired(name).items() if mark in marks)
        return KeyFiles(current=self.file_of(name).read_bytes(), retired=retired)

    def rotate(self, name: KeyName, *, at_once: bool = False) -> None:
        """Replace the current key by a new one, safely against a crash at any point.

        What was written with the previous key stays readable, unless it shall end ``at_once``. Raises as ``check_in``
        does.
        """
        with self._alone():
            self.check_in()
            content = new_key(name)
            mark = fingerprint(name, _material(self.file_of(name), name, content))
            with self._db.write() as session:
                fingerprints.announce(session, name, mark, datetime.now(UTC), forget_retired=at_once)
            if at_once:
                for path in self._retired_files(name):
                    path.unlink()
            elif name in KEPT:
                replace(self._retired_file(name, self._mark(name)), self.file_of(name).read_bytes())
            replace(self.file_of(name), content)
            self._promote(name)

    def replace_lost(self) -> Sequence[KeyName]:
        """Create new keys for missing or damaged ones, trust the others, and return the names of the new ones."""
        replaced = []
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_private(self.path)
        with self._alone():
            for name in KeyName:
                try:
                    self._material(name)
                except PreconditionError:
                    replace(self.file_of(name), new_key(name))
                    replaced.append(name)
                with self._db.write() as session:
                    fingerprints.replace_all(
                        session, name, self._mark(name), list(self._retired(name)), datetime.now(UTC)
                    )
        return replaced

    def _require(self, keys_in_database: Mapping[KeyName, Remembered]) -> None:
        wrong = [reason for name, stored in keys_in_database.items() for reason in self._reasons(name, stored)]
        if wrong:
            raise PreconditionError(
                f"the installation's keys are not those that its database knows: {', '.join(wrong)}; restore "
                f"{self.path} from the backup that belongs to this database, "
                "or run 'pyharbor admin replace-lost-keys' if there is none"
            )

    def _reasons(self, name: KeyName, stored: Remembered) -> Iterator[str]:
        path = self.file_of(name)
        if not path.exists():
            yield f"{path} is gone"
        elif self._mark(name) not in (stored.current, stored.following):
            yield f"{path} is another one"
        if missing := stored.retired - self._retired(name).keys():
            yield f"{len(missing)} of {self.path / (_RETIRED + name)}-* are gone"

    def _mark(self, name: KeyName) -> str:
        return fingerprint(name, self._material(name))

    def _material(self, name: KeyName) -> bytes:
        path = self.file_of(name)
        require_private(path)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            raise PreconditionError(f"{path} is gone") from None
        return _material(path, name, content)

    def _retired(self, name: KeyName) -> Mapping[str, bytes]:
        """Return the existing retired keys by fingerprint."""
        contents = [path.read_bytes() for path in self._retired_files(name)]
        return {fingerprint(name, content): content for content in contents}

    def _retired_files(self, name: KeyName) -> Sequence[Path]:
        return sorted(self.path.glob(f"{_RETIRED}{name}-*"))

    def _retired_file(self, name: KeyName, mark: str) -> Path:
        return self.path / f"{_RETIRED}{name}-{mark[:16]}"

    def _promote(self, name: KeyName) -> None:
        with self._db.write() as session:
            fingerprints.promote(session, name, keep=list(self._retired(name)))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold a lock, so that rotations run one after the other."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def new_key(name: KeyName) -> bytes:
    """Return the content for a new key's file."""
    if name is not KeyName.SIGNING:
        return random_key()
    return generate_private_key(public_exponent=65537, key_size=_RSA_BITS).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_signing_key(path: Path, content: bytes, *, verify: bool = True) -> RSAPrivateKey:
    """Return the private key in a file's content; raise PreconditionError when it holds none.

    Without ``verify``, which takes long, the private half is not checked.
    """
    try:
        private = serialization.load_pem_private_key(content, None, unsafe_skip_rsa_key_validation=not verify)
    except ValueError as error:
        raise PreconditionError(f"{path} does not hold a private key; restore it from a backup") from error
    if not isinstance(private, RSAPrivateKey):
        raise PreconditionError(f"{path} does not hold an RSA private key; restore it from a backup")
    return private


def _material(path: Path, name: KeyName, content: bytes) -> bytes:
    """Return the bytes that are fingerprinted: the content, or the public half of a signing key."""
    if name is KeyName.SIGNING:
        return (
            read_signing_key(path, content, verify=False)
            .public_key()
            .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
    if len(content) != _KEY_BYTES:
        raise PreconditionError(f"{path} does not hold a key of {_KEY_BYTES} bytes; restore it from a backup")
    return content
