"""Entity tags of answers: who asks again for what has not changed is told so, without a body."""

from hashlib import blake2b
from typing import Final

from flask import Response, request

from app.core.etags import is_known

_SAFE: Final = frozenset({"GET", "HEAD"})
_TAG_BYTES: Final = 16
"""More than two answers could share by chance."""
_CALLER: Final = ("Authorization", "Cookie")
"""What says who asks, and so what the answer holds."""


def tagged(response: Response, *also: str) -> Response:
    """The answer with an ETag over its body and ``also``, or 304 when the caller's If-None-Match has it already.

    Caches must ask each time, because rights change; answers to changes, which may hold secrets, are not kept at all.
    """
    if request.method not in _SAFE:
        response.headers["Cache-Control"] = "no-store"
        return response
    hashed = blake2b(response.get_data(), digest_size=_TAG_BYTES)
    for text in also:
        hashed.update(text.encode())
    tag = hashed.hexdigest()
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["ETag"] = f'"{tag}"'
    response.vary.update(_CALLER)
    if is_known(tag, request.headers.get("If-None-Match")):
        response.status_code = 304
        response.set_data(b"")
        del response.headers["Content-Length"], response.headers["Content-Type"]
    return response
