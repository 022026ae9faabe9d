"""What a configuration key is: its type, default and validation, who reads it, and whether it is secret."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Generic, TypeVar

from app.core.errors import FieldInvalid, InternalError

T = TypeVar("T")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,127}")
_SECRETS: Final = re.compile(r"password|secret|private_key")
"""What the name of a key with a secret value holds."""


class Readers(StrEnum):
    """Who is shown the values of a key; each group includes those after it, but for the product."""

    EVERYBODY = "everybody"
    """Any caller of ``/systeminfo``, logged in or not."""
    ACCOUNTS = "accounts"
    """People and robots, by ``/systeminfo``."""
    ADMINISTRATORS = "administrators"
    """Holders of the right to read the configuration, by ``/configurations``."""
    PRODUCT = "product"
    """The product alone: no operation shows the value."""


class Wire(StrEnum):
    """The JSON type of a value in the management API."""

    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    OBJECT = "object"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """A type of values and what they must be; as text they stand in the database and in the environment."""

    wire: Wire
    expectation: str
    """What a value must be, for people: ``a whole number from 1 to 100``."""
    parse: Callable[[str], T | None]
    """The value of a text, None when it is wrong."""
    write: Callable[[T], str]
    """The text of a value."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Key(Generic[T]):
    """One key of the system configuration; a change of it is told by the event ``ConfigurationChanged``."""

    name: str
    default: T
    kind: Kind[T]
    readers: Readers = Readers.ADMINISTRATORS
    settable: bool = True
    """Whether the management API sets it; others come from the environment or stay at their default."""
    starts_empty: bool = False
    """Whether the default is the empty text, though nobody can set that."""
    secret: bool = False
    """Whether the value is encrypted in the database and never shown, logged or written into the audit log."""
    ours: bool = False
    """Whether Harbor has no such key."""

    @property
    def variable(self) -> str:
        """The environment variable that pins the key."""
        return f"HARBOR_{self.name.upper()}"

    def parsed(self, text: str) -> T:
        """Return the value of ``text``; FieldInvalid, which names the key, when it is wrong."""
        value = self.kind.parse(text)
        if value is None:
            raise FieldInvalid(self.name, self.kind.expectation)
        return value

    def shown(self, value: T) -> Any:  # noqa: ANN401 - JSON
        """Return the value as the management API writes it."""
        return self.kind.write(value) if self.kind.wire is Wire.STRING else value


def catalogue(keys: Iterable[Key[Any]]) -> Mapping[str, Key[Any]]:
    """Return the keys by name; InternalError that names every key whose declaration contradicts itself."""
    declared: dict[str, Key[Any]] = {}
    mistakes = []
    for key in keys:
        mistakes += [f"{key.name}: {mistake}" for mistake in _mistakes(key)]
        if key.name in declared:
            mistakes.append(f"{key.name}: declared twice")
        declared[key.name] = key
    if mistakes:
        raise InternalError("wrong configuration keys: " + "; ".join(mistakes))
    return MappingProxyType(declared)


def _mistakes(key: Key[Any]) -> Iterator[str]:
    if not _NAME.fullmatch(key.name):
        yield "a name is lower-case letters, digits and underscores"
    text = key.kind.write(key.default)
    if key.starts_empty != (text == "" and key.kind.parse(text) is None):
        yield "starts_empty is for a default that is empty and could not be set"
    elif not key.starts_empty and key.kind.parse(text) != key.default:
        yield f"the default must be {key.kind.expectation}"
    if _SECRETS.search(key.name) and not key.secret:
        yield "the name says that the value is secret, and the key does not"
    if key.secret and (text or key.readers is not Readers.PRODUCT):
        yield "a secret has no default and no readers but the product"
    if key.readers is Readers.PRODUCT and key.settable and not key.secret:
        yield "what the management API sets without showing it is a secret"
