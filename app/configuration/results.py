"""The results of the configuration service: all values at one time, and keys as administrators see them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from app.configuration.key import Key
from app.core.crypto import Keys
from app.core.errors import FieldInvalid, InternalError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """The value of a key, and whether the management API can change it."""

    value: Any
    """The value as JSON."""
    editable: bool
    variable: str
    """The environment variable that pins the key; empty when none does."""


class Values:
    """The values of all keys at one time: pinned by the environment, else stored, else the default."""

    def __init__(self, pins: Mapping[str, str], stored: Mapping[str, str], keys: Keys) -> None:
        """Take pinned and stored texts by name; stored secrets are encrypted with the installation's ``keys``."""
        self._pins = pins
        self._stored = stored
        self._keys = keys

    def __getitem__(self, key: Key[T]) -> T:
        """Return the key's value; raise InternalError for an invalid stored one."""
        if key.name in self._pins:
            return key.parsed(self._pins[key.name])
        text = self._stored.get(key.name)
        if text is None:
            return key.default
        try:
            return key.parsed(self._keys.cipher.decrypt(text) if key.secret else text)
        except FieldInvalid:
            raise InternalError(f"the stored value of {key.name} is none that it can have") from None
