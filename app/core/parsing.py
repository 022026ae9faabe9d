"""Parse the values of settings; each parser raises ValueError with the expected form."""

import re
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit, urlunsplit

from app.core import cron
from app.core.errors import FieldInvalid
from app.core.masking import masked

_USERINFO = re.compile(r"^[^:/]*(?::[^@]*)?@")
_PLACE = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:]*)(?::([0-9]{1,5}))?")
_LARGEST_PORT = 65535
_DURATION = re.compile(r"(\d+)(s|m|h|d)")
_HOST = re.compile(r"(?:[0-9a-z._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = re.compile(r"([0-9]{1,15})(?:([KMG])(?:iB)?)?")
_UNIT_BITS = {"": 0, "K": 10, "M": 20, "G": 30}
_SLOWEST = 64 * 1024
_PERCENT = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%")
_DIGITS = 15


def duration(text: str) -> timedelta:
    """Parse ``90s``, ``30m``, ``2h`` or ``14d``; ValueError for anything else."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        message = f"{text!r} is no duration: write a whole number and a unit, as in 0s, 90m, 2h or 14d"
        raise ValueError(message)
    return timedelta(seconds=int(match[1]) * _UNIT_SECONDS[match[2]])


def whole(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from ``low`` to ``high``."""

    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            message = f"{text!r} is not a whole number from {low} to {high}"
            raise ValueError(message)
        return int(text)

    return parse


def path(text: str) -> Path:
    """Parse a path, relative to the current folder or with ``~``; the result is absolute."""
    return Path(text).expanduser().absolute()


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    """Return a parser of one of the words, in any case; it gives the word in lower case."""

    def parse(text: str) -> str:
        if text.lower() not in choices:
            message = f"{text!r} is not one of {', '.join(choices)}"
            raise ValueError(message)
        return text.lower()

    return parse


def boolean(text: str) -> bool:
    """Parse true, false, 1, 0, yes, no, on or off, in any case; ValueError for anything else."""
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


def http_url(text: str) -> str:
    """Parse the URL of a web server, without a trailing slash; ValueError when it is none or has a user."""
    parts = _parts_or_none(text)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        message = "expected a URL of the form http://host:port or https://host"
        raise ValueError(message)
    if "@" in parts.netloc:
        message = "a URL that clients are shown must not hold a user or password"
        raise ValueError(message)
    return urlunsplit(parts).rstrip("/")


def _parts_or_none(text: str) -> SplitResult | None:
    """Return the URL's parts, None when it is malformed; the library's error would repeat the whole URL."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        return None
    return parts


def host_port(text: str) -> str:
    """Check that the text is ``host:port``; ValueError for anything else."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        message = f"{text!r} is not of the form host:port"
        raise ValueError(message)
    return text


def namespace(text: str) -> str:
    """Check that the text names a Temporal namespace; ValueError for anything else."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", text):
        message = f"{text!r} is no Temporal namespace: letters, digits, '.', '_' and '-'"
        raise ValueError(message)
    return text


def database_url(text: str) -> str:
    """Check that the text is the URL of a SQLite or PostgreSQL database; ValueError says what is wrong."""
    if not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        message = "expected sqlite:///path or postgresql+psycopg://user:password@host/name"
        raise ValueError(message)
    place, _, name = _USERINFO.sub("", text.partition("://")[2]).partition("?")[0].partition("/")
    if text.startswith("sqlite") and not name:
        message = "the path of the file is missing: sqlite:///path, or sqlite:////path from the root on"
        raise ValueError(message)
    match = _PLACE.fullmatch(place)
    if text.startswith("postgresql") and (not match or int(match[1] or 0) > _LARGEST_PORT or "@" in name):
        message = (
            "the host or the port is none; write @ : / ? # and % in a user or password as %40 %3A %2F %3F %23 and %25"
        )
        raise ValueError(message)
    return text


def hosts(text: str) -> tuple[str, ...]:
    """Parse hosts, with or without a port, separated by commas; in lower case. ValueError names a wrong one."""
    names = tuple(part.strip().lower() for part in text.split(",") if part.strip())
    for name in names:
        if not _HOST.fullmatch(name):
            message = f"{name!r} is no host: write registry.example.com or registry.example.com:8443"
            raise ValueError(message)
    return names


def networks(text: str) -> tuple[str, ...]:
    """Parse addresses and networks, separated by commas; ValueError names a wrong one."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        try:
            ip_network(name, strict=False)
        except ValueError:
            message = f"{masked(name)!r} is no address or network"
            raise ValueError(message) from None
    return names


def byte_count(text: str) -> int:
    """Parse a number of bytes, ``65536``, ``64K``, ``50M`` or ``1GiB``; ValueError for anything else."""
    match = _BYTES.fullmatch(text.strip())
    if not match:
        message = f"{text!r} is no number of bytes: write a whole number, as in 65536, 64K, 50M or 1G"
        raise ValueError(message)
    return int(match[1]) << _UNIT_BITS[match[2] or ""]


def byte_rate(text: str) -> int:
    """Parse a number of bytes per second, at least 64K; ValueError for anything else."""
    rate = byte_count(text)
    if rate < _SLOWEST:
        message = f"{text!r} is too slow: at least 64K"
        raise ValueError(message)
    return rate


def share(text: str) -> int | Fraction:
    """Parse ``5%`` or ``0.5%`` to a fraction, a whole number from 1 to a number; ValueError for anything else."""
    part = _PERCENT.fullmatch(text.strip())
    if part and 0 < (fraction := Fraction(part[1]) / 100) <= 1:
        return fraction
    if text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text):
        return int(text)
    message = f"{text!r} is neither a part, as in 5% or 0.5%, nor a whole number from 1"
    raise ValueError(message)


def sample(text: str) -> str:
    """Check that ``share`` parses the text; ``all`` becomes the empty text. ValueError for anything else."""
    if text.lower() == "all":
        return ""
    share(text)
    return text.strip()


def cron_expression(text: str) -> str:
    """Check that the text is a cron expression with at least one time; ValueError for anything else."""
    try:
        parsed = cron.parse(text)
    except FieldInvalid as error:
        raise ValueError(error.message) from error
    if not parsed.comes:
        message = f"{text!r} never comes: none of its months has such a day"
        raise ValueError(message)
    return parsed.text
