"""What callers are given of the configuration: the values of one moment, and keys as administrators see them."""

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
    """In JSON's types."""
    editable: bool
    variable: str
    """The environment variable that pins the key, empty without one."""


class Values:
    """The values of all keys at one moment: what the environment pins, else what is stored, else the default."""

    def __init__(self, pins: Mapping[str, str], stored: Mapping[str, str], keys: Keys) -> None:
        """Take the texts by name; secrets that are ``stored`` are encrypted with the installation's ``keys``."""
        self._pins = pins
        self._stored = stored
        self._keys = keys

    def __getitem__(self, key: Key[T]) -> T:
        """Return the key's value; InternalError for a stored one that it cannot have."""
        if key.name in self._pins:
            return key.parsed(self._pins[key.name])
        text = self._stored.get(key.name)
        if text is None:
            return key.default
        try:
            return key.parsed(self._keys.cipher.decrypt(text) if key.secret else text)
        except FieldInvalid:
            raise InternalError(f"the stored value of {key.name} is none that it can have") from None
