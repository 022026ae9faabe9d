"""Entity tags of answers: a repeated request for an unchanged answer gets 304 without a body."""

from hashlib import blake2b
from typing import Final

from flask import Response, request

from app.core.etags import is_known

_SAFE: Final = frozenset({"GET", "HEAD"})
_TAG_BYTES: Final = 16
"""Enough that two answers do not share a tag by chance."""
_CALLER: Final = ("Authorization", "Cookie")
"""The headers that identify the caller, on whom the answer depends."""


def tagged(response: Response, *also: str) -> Response:
    """Add an ETag over the body and ``also`` to the answer, or make it 304 when If-None-Match has that tag.

    Caches must revalidate each time, because rights change; answers to changes may hold secrets and are not cached.
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
