"""Configuration keys: the type, default and validation of a key, its readers, and whether it is secret."""

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
"""The words that mark the name of a key with a secret value."""


class Readers(StrEnum):
    """The callers that may read a key; each group includes the next ones, except the product."""

    ANONYMOUS = "anonymous"
    """Any caller of ``/systeminfo``, logged in or not."""
    ACCOUNTS = "accounts"
    """People and robots, by ``/systeminfo``."""
    ADMINISTRATORS = "administrators"
    """Callers with the right to read the configuration, by ``/configurations``."""
    PRODUCT = "product"
    """Only the product: no operation shows the value."""


class Wire(StrEnum):
    """The JSON type of a value in the management API."""

    STRING = "string"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    OBJECT = "object"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T]):
    """A type of values with its rules; the database and the environment hold values as text."""

    wire: Wire
    expectation: str
    """The rule in words, for error messages: ``a whole number from 1 to 100``."""
    parse: Callable[[str], T | None]
    """Return the value of a text, None when it is invalid."""
    write: Callable[[T], str]
    """Return the text of a value."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Key(Generic[T]):
    """A key of the system configuration; its changes emit the event ``ConfigurationChanged``."""

    name: str
    default: T
    kind: Kind[T]
    readers: Readers = Readers.ADMINISTRATORS
    settable: bool = True
    """Whether the management API can set it; other keys are set by the environment or keep their default."""
    starts_empty: bool = False
    """Whether the default is the empty text, which is not a valid value to set."""
    secret: bool = False
    """Whether the value is encrypted in the database and never shown, logged or written into the audit log."""
    ours: bool = False
    """Whether Harbor has no such key."""

    @property
    def variable(self) -> str:
        """The environment variable that pins the key."""
        return f"HARBOR_{self.name.upper()}"

    def parsed(self, text: str) -> T:
        """Return the value of ``text``; raise FieldInvalid, which names the key, when it is invalid."""
        value = self.kind.parse(text)
        if value is None:
            raise FieldInvalid(self.name, self.kind.expectation)
        return value

    def shown(self, value: T) -> Any:  # noqa: ANN401 - JSON
        """Return the value as the management API writes it."""
        return self.kind.write(value) if self.kind.wire is Wire.STRING else value


def catalogue(keys: Iterable[Key[Any]]) -> Mapping[str, Key[Any]]:
    """Return the keys by name; raise InternalError that names every key with an inconsistent declaration."""
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
