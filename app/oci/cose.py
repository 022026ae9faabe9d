"""The payload of a COSE_Sign1 message (RFC 9052 section 4.2), the second form of Notation's signatures."""

from typing import Final

_TAG: Final = 0xD2
"""The tag of COSE_Sign1, encoded; some readers take a message without it."""
_FOUR: Final = 0x84
"""The beginning of an array of four: protected header, unprotected header, payload, signature."""
_ARGUMENT: Final = 24
"""The first value of the low five bits that says in how many bytes the argument follows: 1, 2, 4, or 8 for 27."""
_LONGEST: Final = 27
_BYTES, _TEXT, _ARRAY, _MAP, _TAGGED, _SIMPLE = range(2, 8)


def payload_or_none(message: bytes) -> bytes | None:
    """Return the payload; None for other content, and for a message without a payload inside.

    Items of indefinite length are not read: verifiers refuse them.
    """
    start = 1 if message[:1] == bytes([_TAG]) else 0
    if message[start : start + 1] != bytes([_FOUR]):
        return None
    try:
        at = _skipped(message, _skipped(message, start + 1))
        kind, length, at = _head(message, at)
    except ValueError:
        return None
    return message[at : at + length] if kind == _BYTES and at + length <= len(message) else None


def _head(message: bytes, at: int) -> tuple[int, int, int]:
    """Return major type and argument of the item at ``at``, and where its content begins; raise ValueError."""
    if at >= len(message):
        raise ValueError("the message ends early")
    kind, low = message[at] >> 5, message[at] & 0x1F
    if low < _ARGUMENT:
        return kind, low, at + 1
    if low > _LONGEST:
        raise ValueError("an item of indefinite length")
    stop = at + 1 + (1 << (low - _ARGUMENT))
    return kind, int.from_bytes(message[at + 1 : stop]), stop


def _skipped(message: bytes, at: int) -> int:
    """Return the position after the item at ``at``; raise ValueError."""
    left = 1
    while left:
        kind, argument, at = _head(message, at)
        left -= 1
        if kind in (_BYTES, _TEXT):
            at += argument
        elif kind in (_ARRAY, _MAP):
            left += argument * (kind - 3)
        elif kind == _TAGGED:
            left += 1
    return at
