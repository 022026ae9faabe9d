"""Parse basic credentials of an Authorization header."""

import binascii
from base64 import b64decode

from app.core.errors import UnauthenticatedError


def parse_basic(header: str) -> tuple[str, str]:
    """Return name and password of a ``Basic`` Authorization header (RFC 7617, UTF-8).

    UnauthenticatedError for another scheme or malformed credentials.
    """
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise UnauthenticatedError("the Authorization header's scheme is not Basic")
    try:
        name, colon, password = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise UnauthenticatedError("malformed basic credentials") from None
    if not colon:
        raise UnauthenticatedError("malformed basic credentials")
    return name, password
