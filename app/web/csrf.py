"""Protection against cross-site request forgery: a token in a header must fit the secret in a cookie."""

import binascii
import hmac
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from flask import Flask, Response, request

from app.core.errors import DeniedError, UnavailableError
from app.web.login import COOKIE as SESSION_COOKIE
from app.web.login import cookie_name
from app.web.session import CSRF_BYTES, installation

COOKIE: Final = "_gorilla_csrf"
HEADER: Final = "X-Harbor-CSRF-Token"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FOR_PROGRAMS: Final = ("/api/", "/v2/", "/service/")
"""Below these paths, callers with an Authorization header or without a session cookie need no token."""
_ELSEWHERE: Final = frozenset({"cross-site", "same-site"})
_LONGEST: Final = 128


def install(app: Flask) -> None:
    """Require a token of every request that changes something, and add tokens to answers."""
    app.before_request(require_token)
    app.after_request(offer)


def require_token() -> None:
    """Raise DeniedError when the request needs a token and has no valid one; the answer carries a new one."""
    if request.method not in _SAFE and _by_browser() and not carried():
        raise DeniedError("CSRF token missing or invalid: send the one of the response header " + HEADER)


def carried() -> bool:
    """Tell whether the current request has a cookie and a token that fit, and comes from no other site."""
    secret = _secret_or_none()
    token = _decoded_or_none(request.headers.get(HEADER))
    if secret is None or token is None or request.headers.get("Sec-Fetch-Site") in _ELSEWHERE:
        return False
    return hmac.compare_digest(_xor(token[:CSRF_BYTES], token[CSRF_BYTES:]), _bound(secret))


def offer(response: Response) -> Response:
    """Add a token to the answer to a browser, and its cookie when the request has none.

    An answer that shared caches may keep gets neither. Neither does any while the key cannot be read.
    """
    if not _offers_token() or response.headers.get("Cache-Control", "").startswith("public"):
        return response
    known = _secret_or_none()
    secret = known or installation().randomness.piece()
    try:
        bound = _bound(secret)
    except UnavailableError:
        return response
    if known is None:
        value = urlsafe_b64encode(secret).rstrip(b"=").decode()
        secure = installation().secure
        response.set_cookie(cookie_name(COOKIE, secure=secure), value, secure=secure, httponly=True, samesite="Strict")
    pad = installation().randomness.piece()
    response.headers[HEADER] = b64encode(pad + _xor(pad, bound)).decode()
    return response


def _by_browser() -> bool:
    if not request.path.startswith(_FOR_PROGRAMS):
        return True
    return not request.environ.get("HTTP_AUTHORIZATION") and _name(SESSION_COOKIE) in request.cookies


def _offers_token() -> bool:
    """Tell whether the answer gets a token: to a browser, and in the API to every caller without credentials.

    A browser whose user has not logged in yet looks like any other anonymous caller.
    """
    if request.path.startswith("/api/"):
        return not request.environ.get("HTTP_AUTHORIZATION")
    return _by_browser()


def _secret_or_none() -> bytes | None:
    """Return the secret of the request's cookie, with or without base64 padding; None without a valid one."""
    if "HTTP_COOKIE" not in request.environ:
        return None
    value = request.cookies.get(_name(COOKIE), "")
    if not 0 < len(value) <= _LONGEST:
        return None
    try:
        secret = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        return None
    return secret if len(secret) == CSRF_BYTES else None


def _name(cookie: str) -> str:
    return cookie_name(cookie, secure=installation().secure)


def _decoded_or_none(token: str | None) -> bytes | None:
    """Return a token's pad and masked value; None when it is malformed."""
    if not token or len(token) > _LONGEST:
        return None
    try:
        decoded = b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if len(decoded) == 2 * CSRF_BYTES else None


def _bound(secret: bytes) -> bytes:
    """Return the value that a token masks: the secret's HMAC under the installation's key."""
    return hmac.digest(installation().ports.keys.csrf, secret, "sha256")


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(CSRF_BYTES)
