"""Parse a request's head to a WSGI environment (RFC 9112, PEP 3333).

As strict as gunicorn's own reader, with the same C parser; no difference between them can be exploited.
"""

import re
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from gunicorn_h1c import (
    IncompleteError,
    InvalidHeader,
    InvalidHeaderName,
    InvalidHTTPVersion,
    InvalidRequestMethod,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseError,
    parse_request,
)

CHUNKED: Final = -1
HEAD_BYTES: Final = 64 * 1024
_LINE_BYTES: Final = 8190
_FIELDS: Final = 64
_FIELD_BYTES: Final = 12288
_NAMES_KEPT: Final = 1024
_BAD_TARGET: Final = re.compile(r"[^\x21-\x7e]")
_SINGLE: Final = frozenset({"HTTP_HOST", "CONTENT_TYPE", "CONTENT_LENGTH"})

Environ = dict[str, Any]


class Incomplete(Exception):
    """The head is not complete yet."""


class Refused(Exception):
    """The bytes are no valid request; the connection ends with this answer."""

    def __init__(self, status: int, message: str) -> None:
        """Answer with ``status``; ``message`` says what is wrong."""
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class Head:
    """A parsed head."""

    environ: Environ
    length: int
    """The length of the body; CHUNKED for the chunked coding."""
    keep: bool
    """Whether the client wants to keep the connection."""
    expects: bool
    """Whether the client waits for 100 Continue before it sends the body."""
    consumed: int
    """The length of the head in bytes."""


class HeadReader:
    """Parses the heads of one process's connections; caches the names of headers."""

    __slots__ = ("_names",)

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}

    def read(self, received: bytes, base: Environ) -> Head:
        """Parse the head at the beginning of ``received`` into a copy of ``base``; raises Incomplete or Refused."""
        parsed = _parse(received)
        method, target = parsed["method"].decode("latin-1"), parsed["path"].decode("latin-1")
        minor: int = parsed["minor_version"]
        environ = base.copy()
        path, query = _split_target(target)
        environ["REQUEST_METHOD"] = method
        environ["RAW_URI"] = target
        environ["PATH_INFO"] = path if "%" not in path else unquote_to_bytes(path).decode("latin-1")
        environ["QUERY_STRING"] = query
        environ["SERVER_PROTOCOL"] = "HTTP/1.1" if minor == 1 else "HTTP/1.0"
        self._add_headers(environ, parsed["headers"])
        length = _length_of_body(environ, minor)
        return Head(
            environ=environ,
            length=length,
            keep=_keeps(environ, minor) and method != "CONNECT",
            expects="HTTP_EXPECT" in environ and _expects(environ["HTTP_EXPECT"], minor),
            consumed=parsed["consumed"],
        )

    def _add_headers(self, environ: Environ, headers: list[tuple[bytes, bytes]]) -> None:
        """Add the headers to the environment.

        Repeated ones are joined by commas (RFC 9110 section 5.3), cookies by semicolons. Names with underscores are
        left out, as they could be taken for other headers.
        """
        names = self._names
        for raw, value in headers:
            key = names.get(raw)
            if key is None:
                key = self._key(raw)
            if not key:
                continue
            if key in environ:
                if key in _SINGLE:
                    raise Refused(400, f"{raw.decode('latin-1')} stands twice in the head")
                joint = "; " if key == "HTTP_COOKIE" else ","
                environ[key] = environ[key] + joint + value.decode("latin-1")
            else:
                environ[key] = value.decode("latin-1")

    def _key(self, raw: bytes) -> str:
        """Return the header's key in the environment, empty to leave it out."""
        name = raw.decode("latin-1").upper()
        if "_" in name:
            key = ""
        else:
            key = name.replace("-", "_")
            if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                key = "HTTP_" + key
        if len(self._names) < _NAMES_KEPT:
            self._names[raw] = key
        return key


def _parse(received: bytes) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = parse_request(
            received,
            limit_request_line=_LINE_BYTES,
            limit_request_fields=_FIELDS,
            limit_request_field_size=_FIELD_BYTES,
        )
    except IncompleteError:
        if len(received) > HEAD_BYTES + _LINE_BYTES:
            raise Refused(431, "the head is too long") from None
        raise Incomplete from None
    except LimitRequestLine as error:
        raise Refused(414, str(error)) from None
    except LimitRequestHeaders as error:
        raise Refused(431, str(error)) from None
    except (InvalidHeader, InvalidHeaderName, InvalidHTTPVersion, InvalidRequestMethod, ParseError) as error:
        raise Refused(400, str(error)) from None
    if parsed["consumed"] > HEAD_BYTES + _LINE_BYTES:
        raise Refused(431, "the head is too long")
    if received[:2] == b"\r\n" and received.find(b"\r\n", 2) - 2 > _LINE_BYTES:
        raise Refused(414, "the request line is too long")
    return parsed


def _split_target(target: str) -> tuple[str, str]:
    """Return path and query of a request target; Refused when it is malformed."""
    if not target or _BAD_TARGET.search(target):
        raise Refused(400, "the request target holds characters that must be percent-encoded")
    if target[0] == "/":
        path, _, query = target.partition("#")[0].partition("?")
        return path, query
    try:
        parts = urlsplit(target)
    except ValueError:
        raise Refused(400, "the request target is no URI") from None
    return parts.path or "", parts.query or ""


def _length_of_body(environ: Environ, minor: int) -> int:
    """Return the body's length (RFC 9112 section 6.3); Refused when servers could disagree about it."""
    declared: str | None = environ.get("CONTENT_LENGTH")
    coding: str | None = environ.get("HTTP_TRANSFER_ENCODING")
    if coding is not None:
        if coding.lower().strip(" \t") != "chunked":
            raise Refused(400, "Transfer-Encoding: only chunked is understood, once")
        if minor == 0 or declared is not None:
            raise Refused(400, "Transfer-Encoding together with Content-Length or HTTP/1.0")
        return CHUNKED
    if declared is None:
        return 0
    if not (declared.isascii() and declared.isdigit() and len(declared) < 20):  # noqa: PLR2004 - of 64 bits
        raise Refused(400, "Content-Length is no number")
    return int(declared)


def _keeps(environ: Environ, minor: int) -> bool:
    wish: str | None = environ.get("HTTP_CONNECTION")
    if wish is not None:
        tokens = [token.strip(" \t") for token in wish.lower().split(",")]
        if "close" in tokens:
            return False
        if "keep-alive" in tokens:
            return True
    return minor == 1


def _expects(value: str, minor: int) -> bool:
    if value.lower() != "100-continue":
        raise Refused(417, "Expect: only 100-continue is understood")
    return minor == 1
