"""Parsers of text that people write in settings; each raises ValueError with what would be right."""

import re
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import urlsplit, urlunsplit

_DURATION = re.compile(r"(\d+)(s|m|h|d)")
_SIZE = re.compile(r"(\d{1,9})(KiB|MiB|GiB)?")
_UNIT_BYTES = {"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> timedelta:
    """Read ``90s``, ``30m``, ``2h`` or ``14d``; ValueError says what would be right."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        message = f"{text!r} is no duration: write a whole number and a unit, as in 0s, 90m, 2h or 14d"
        raise ValueError(message)
    return timedelta(seconds=int(match[1]) * _UNIT_SECONDS[match[2]])


def size(text: str) -> int:
    """Read ``0``, ``64MiB`` or ``2GiB`` as bytes; ValueError says what would be right."""
    match = _SIZE.fullmatch(text.strip())
    if not match:
        message = f"{text!r} is no size: write a whole number and a unit, as in 0, 512KiB, 64MiB or 2GiB"
        raise ValueError(message)
    return int(match[1]) * _UNIT_BYTES[match[2] or ""]


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            message = f"{text!r} is not a whole number from {low} to {high}"
            raise ValueError(message)
        return int(text)

    return parse


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """A parser of one of a few words, in any case."""

    def parse(text: str) -> str:
        if text.lower() not in choices:
            message = f"{text!r} is not one of {', '.join(choices)}"
            raise ValueError(message)
        return text.lower()

    return parse


def boolean(text: str) -> bool:
    """True or false in the usual spellings. ValueError says what would be right."""
    words = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }
    if text.lower() not in words:
        message = f"{text!r} is neither true nor false"
        raise ValueError(message)
    return words[text.lower()]


def minutes(text: str) -> timedelta:
    """A whole number of minutes. ValueError says what would be right."""
    return timedelta(minutes=whole(1, 1_000_000)(text))


def http_url(text: str) -> str:
    """A URL of a web server, without a trailing slash. ValueError says what would be right."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        message = f"{text!r} is no URL of the form http://host:port or https://host"
        raise ValueError(message)
    return urlunsplit(parts).rstrip("/")


def host_port(text: str) -> str:
    """``host:port``. ValueError says what would be right."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        message = f"{text!r} is not of the form host:port"
        raise ValueError(message)
    return text


def namespace(text: str) -> str:
    """A Temporal namespace. ValueError says what would be right."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", text):
        message = f"{text!r} is no Temporal namespace: letters, digits, '.', '_' and '-'"
        raise ValueError(message)
    return text


def database_url(text: str) -> str:
    """A URL of a database that the product runs on. ValueError says what would be right."""
    if not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        message = "expected sqlite:///path or postgresql+psycopg://user:password@host/name"
        raise ValueError(message)
    return text


def networks(text: str) -> tuple[str, ...]:
    """Addresses and networks, separated by commas. ValueError says what would be right."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        ip_network(name, strict=False)
    return names
