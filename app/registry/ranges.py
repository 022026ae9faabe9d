"""Parsing of Range headers of blob pulls (RFC 9110 section 14) and Content-Range headers of upload parts."""

import re

from app.core.errors import RangeInvalid

_BYTES = re.compile(r"bytes[ \t]*=[ \t]*(\d{0,18})[ \t]*-[ \t]*(\d{0,18})", re.ASCII | re.IGNORECASE)
_PART = re.compile(r"(?:bytes[ \t]+)?(\d{1,18})-(\d{1,18})(?:/(?:\*|\d+))?", re.ASCII)


def requested(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the (first byte, length) that a Range header asks for in ``size`` bytes; None for the whole blob.

    Multiple ranges, other units, invalid headers and ranges of empty blobs are ignored, as RFC 9110 allows. Raise
    RangeInvalid when the range contains no byte of the blob.
    """
    match = _BYTES.fullmatch(header.strip()) if header and size else None
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
    if start >= stop:
        raise RangeInvalid(f"range {header} of {size} bytes cannot be satisfied")
    return start, stop - start


def declared(header: str | None) -> tuple[int, int] | None:
    """Return the (offset, length) of an upload part's Content-Range, ``a-b`` or ``bytes a-b/*``; None without a header.

    Raise RangeInvalid for a header of another form.
    """
    if header is None:
        return None
    match = _PART.fullmatch(header.strip())
    if match is None or int(match[2]) < int(match[1]):
        raise RangeInvalid(f"invalid Content-Range {header[:80]!r}: expected <first byte>-<last byte>")
    return int(match[1]), int(match[2]) - int(match[1]) + 1
