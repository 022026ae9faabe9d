"""Parse the ``q`` and ``sort`` parameters of lists: ``k=v``, ``k=~v``, ``k=[a~b]``, ``k={a b}``, ``k=(a b)``."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final
from urllib.parse import unquote_plus

from app.core.errors import InvalidError
from app.core.query import AllOf, AnyOf, Beyond, Condition, Exact, Fuzzy, Range, Scalar, SortKey, Term

_TIME: Final = "%Y-%m-%dT%H:%M:%S"
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,18}")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_MOST_PARTS: Final = 100
_ENDS: Final = 2
"""The number of ends of a range, and of quotes around a text."""


def parse_terms(text: str | None) -> tuple[Term, ...]:
    """Parse ``q``, after another round of URL unescaping, as clients escape it twice.

    InvalidError when it is malformed or has too many terms.
    """
    if not text:
        return ()
    plain = unquote_plus(text)
    if "\0" in plain:
        raise InvalidError("invalid query: it holds a NUL character")
    return tuple(_term(part) for part in _parts(plain, "query"))


def parse_sort(text: str | None) -> tuple[SortKey, ...]:
    """Parse ``sort``: names separated by commas, ``-`` before a name for descending; InvalidError for too many."""
    parts = (part.strip() for part in _parts(text or "", "sort"))
    keys = ((part.lstrip("-"), part.startswith("-")) for part in parts)
    return tuple(SortKey(key=_snake(key), descending=descending) for key, descending in keys if key)


def _parts(text: str, parameter: str) -> list[str]:
    parts = text.split(",")
    if len(parts) > _MOST_PARTS:
        raise InvalidError(f"invalid {parameter}: it has more than {_MOST_PARTS} parts")
    return parts


def _term(part: str) -> Term:
    key, equals, value = part.partition("=")
    if not (key and equals and value):
        raise InvalidError(f"invalid query {part[:100]!r}: expected key=value")
    name, _, operator = key.strip().partition("__")
    if operator:
        return Term(key=_snake(name), condition=_suffixed(operator, value, part))
    return Term(key=_snake(name), condition=_condition(value, part))


def _condition(value: str, part: str) -> Condition:
    match value[0]:
        case "~":
            return Fuzzy(text=value[1:])
        case "[":
            return _range(_within(value, "]", part), part)
        case "{":
            return AnyOf(values=_members(_within(value, "}", part)))
        case "(":
            return AllOf(values=_members(_within(value, ")", part)))
        case "\\":
            return Exact(value=value[1:])
        case _:
            return Exact(value=value)


def _suffixed(operator: str, value: str, part: str) -> Condition:
    make = _OPERATORS.get(operator)
    if make is None:
        raise InvalidError(f"invalid query {part[:100]!r}: unknown operator {operator[:40]!r}")
    return make(value)


def _range(inner: str, part: str) -> Range:
    ends = [_scalar(end) if end.strip() else None for end in inner.split("~")]
    if len(ends) != _ENDS:
        raise InvalidError(f"invalid query {part[:100]!r}: expected [low~high]")
    return Range(low=ends[0], high=ends[1])


def _within(value: str, closing: str, part: str) -> str:
    if not value.endswith(closing) or len(value) == 1:
        raise InvalidError(f"invalid query {part[:100]!r}: {closing!r} is missing")
    return value[1:-1]


def _members(text: str) -> tuple[Scalar, ...]:
    return tuple(_scalar(member) for member in text.split())


def _scalar(text: str) -> Scalar:
    text = text.strip()
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        pass
    if _INTEGER.fullmatch(text):
        return int(text)
    quoted = len(text) >= _ENDS and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _snake(key: str) -> str:
    return _CAMEL.sub("_", key.strip()).lower()


_OPERATORS: Final[dict[str, Callable[[str], Condition]]] = {
    "exact": lambda value: Exact(value=value),
    "icontains": lambda value: Fuzzy(text=value),
    "in": lambda value: AnyOf(values=_members(value)),
    "gte": lambda value: Range(low=_scalar(value), high=None),
    "lte": lambda value: Range(low=None, high=_scalar(value)),
    "gt": lambda value: Beyond(low=_scalar(value)),
    "lt": lambda value: Beyond(high=_scalar(value)),
}
