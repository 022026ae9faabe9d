"""The types of configuration values, with Harbor's rules for them."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.configuration.key import Kind, Wire
from app.core import parsing

LARGEST: Final = 2**31 - 1
_LONGEST: Final = 16_384
_WORDS: Final = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_PREFIX: Final = re.compile(r"[^\s:]{1,64}")
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
"""NUL and lone surrogates, which an escape in JSON can produce."""
_HOST: Final = 512
_UNLIMITED: Final = -1
_SIZE_END: Final = 2**63


def _plain(text: str) -> str | None:
    """Return the text if both databases can store it and it is not too long, else None."""
    return text if len(text) <= _LONGEST and not _UNSTORABLE.search(text) else None


def _number(text: str, low: int, high: int) -> int | None:
    digits = text.strip()
    sign, rest = ("-", digits[1:]) if digits.startswith("-") else ("", digits)
    if not (rest.isascii() and rest.isdigit() and len(rest) <= len(str(high))):
        return None
    number = int(sign + rest)
    return number if low <= number <= high else None


def _listed(number: int | None, values: Sequence[int]) -> int | None:
    return number if number in values else None


def _size(text: str) -> int | None:
    number = _number(text, _UNLIMITED, _SIZE_END - 1)
    return None if number == 0 else number


def _texts_by_name(text: str) -> Mapping[str, str] | None:
    given = _mapping(text)
    if given is None:
        return None
    texts = (*given, *given.values())
    return given if all(isinstance(text, str) and _plain(text) is not None for text in texts) else None


def _mapping(text: str) -> Mapping[str, Any] | None:
    try:
        given = json.loads(_plain(text) or "")
    except (ValueError, RecursionError):
        return None
    return given if isinstance(given, dict) else None


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _flag(value: bool) -> str:  # noqa: FBT001 - the value is what is written
    return str(value).lower()


def choice(*values: str) -> Kind[str]:
    """Return the type of one of several words."""
    return Kind(
        wire=Wire.STRING,
        expectation="one of " + ", ".join(values),
        parse=lambda text: text if text in values else None,
        write=str,
    )


def number(low: int, high: int = LARGEST) -> Kind[int]:
    """Return the type of a whole number between two bounds, both included."""
    return Kind(
        wire=Wire.INTEGER,
        expectation=f"a whole number from {low} to {high}",
        parse=lambda text: _number(text, low, high),
        write=str,
    )


def one_of(*values: int) -> Kind[int]:
    """Return the type of one of several numbers."""
    return Kind(
        wire=Wire.INTEGER,
        expectation="one of " + ", ".join(map(str, values)),
        parse=lambda text: _listed(_number(text, min(values), max(values)), values),
        write=str,
    )


def words(known: frozenset[str], what: str) -> Kind[frozenset[str]]:
    """Return the type of a comma-separated list of known words, in any order."""

    def parse(text: str) -> frozenset[str] | None:
        listed = frozenset(filter(None, (word.strip() for word in text.split(","))))
        return listed if listed <= known else None

    return Kind(
        wire=Wire.STRING,
        expectation=f"a comma list of {what}: {', '.join(sorted(known))}",
        parse=parse,
        write=lambda value: ",".join(sorted(value)),
    )


def _endpoint(text: str) -> str | None:
    if not text:
        return text
    try:
        parsing.host_port(text)
    except ValueError:
        return None
    host, _, port = text.rpartition(":")
    known = len(text) <= _HOST and not set(host) & set("/@?# \t\r\n\0")
    return text if known and _number(port, 1, 65535) is not None else None


FLAG: Final = Kind(
    wire=Wire.BOOLEAN, expectation="true or false", parse=lambda text: _WORDS.get(text.strip().lower()), write=_flag
)
TEXT: Final = Kind(wire=Wire.STRING, expectation=f"a text of at most {_LONGEST} characters", parse=_plain, write=str)
FILLED: Final = Kind(
    wire=Wire.STRING,
    expectation=f"a text of 1 to {_LONGEST} characters that is not blank",
    parse=lambda text: _plain(text) if text.strip() else None,
    write=str,
)
PREFIX: Final = Kind(
    wire=Wire.STRING,
    expectation="1 to 64 printable characters without colons and blanks",
    parse=lambda text: text if _PREFIX.fullmatch(text) and text.isprintable() else None,
    write=str,
)
"""A prefix that the name in basic authentication can have."""
SIZE: Final = Kind(wire=Wire.INTEGER, expectation="a number of bytes, or -1 for no limit", parse=_size, write=str)
ENDPOINT: Final = Kind(
    wire=Wire.STRING, expectation="host:port with a port from 1 to 65535, or empty", parse=_endpoint, write=str
)
TEXTS: Final = Kind(wire=Wire.STRING, expectation="a JSON object of texts", parse=_texts_by_name, write=_json)
POLICY: Final = Kind(wire=Wire.OBJECT, expectation="a JSON object", parse=_mapping, write=_json)
