"""The installation's keys in a long-lived process: read again when their files change, and checked each time."""

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import structlog

from app.core.crypto import Cipher, Pepper
from app.core.errors import PreconditionError, UnavailableError
from app.identity.fingerprints import KeyName
from app.identity.key_folder import KeyFiles, KeyFolder, Stamp

T = TypeVar("T")
_log = structlog.get_logger()
_RETRY_SECONDS: Final = 30


class FollowedKey(Generic[T]):
    """An object built from one key's files, which are checked on every use and read again only when replaced."""

    def __init__(self, folder: KeyFolder, name: KeyName, make: Callable[[KeyFiles], T]) -> None:
        self._folder = folder
        self._name = name
        self._make = make
        self._lock = threading.Lock()
        self._loaded: tuple[Stamp, T] | None = None

    def now(self) -> T:
        """Return the current key; raise UnavailableError when it is missing or wrong, and log the reason."""
        stamp, loaded = self._folder.stamp(self._name), self._loaded
        if loaded is not None and loaded[0] == stamp:
            return loaded[1]
        with self._lock:
            return self._read()

    def _read(self) -> T:
        stamp, loaded = self._folder.stamp(self._name), self._loaded
        if loaded is not None and loaded[0] == stamp:
            return loaded[1]
        try:
            key = self._make(self._folder.read(self._name))
        except PreconditionError as error:
            _log.error("keys_refused", reason=error.message)
            raise UnavailableError(
                "the registry's keys are not those that its database knows; its log says how to restore them",
                retry_after=_RETRY_SECONDS,
            ) from error
        if stamp is not None:
            self._loaded = (stamp, key)
        return key


class FollowedKeys:
    """The symmetric keys of one process (``core.crypto.Keys``), read on first use."""

    def __init__(self, folder: KeyFolder) -> None:
        self._csrf = FollowedKey(folder, KeyName.CSRF, lambda files: files.current)
        self._cipher = FollowedKey(
            folder, KeyName.ENCRYPTION, lambda files: Cipher(key=files.current, retired=files.retired)
        )
        self._pepper = FollowedKey(
            folder, KeyName.PEPPER, lambda files: Pepper(key=files.current, retired=files.retired)
        )

    @property
    def csrf(self) -> bytes:
        """The key of CSRF tokens."""
        return self._csrf.now()

    @property
    def cipher(self) -> Cipher:
        """The cipher of secrets at rest."""
        return self._cipher.now()

    def keyed_hash(self, *parts: str) -> str:
        """Return ``Pepper.keyed_hash`` of the parts with the current pepper."""
        return self._pepper.now().keyed_hash(*parts)

    def keyed_hashes(self, *parts: str) -> tuple[str, ...]:
        """Return ``Pepper.keyed_hashes`` of the parts with the current and retired peppers."""
        return self._pepper.now().keyed_hashes(*parts)
