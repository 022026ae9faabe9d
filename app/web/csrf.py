"""Refuses requests that another site made a browser send: a secret in a cookie and a token in a header must fit."""

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from flask import Flask, Response, request

from app.core.errors import DeniedError, UnavailableError
from app.web.login import COOKIE as SESSION_COOKIE
from app.web.login import cookie_name
from app.web.session import installation

COOKIE: Final = "_gorilla_csrf"
HEADER: Final = "X-Harbor-CSRF-Token"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_FOR_PROGRAMS: Final = ("/api/", "/v2/", "/service/")
"""Below these, callers that bring their own credentials are no browsers and need no token."""
_ELSEWHERE: Final = frozenset({"cross-site", "same-site"})
_SECRET_BYTES: Final = 32
_LONGEST: Final = 128


def install(app: Flask) -> None:
    """Check every request that changes something, and hand out tokens."""
    app.before_request(check)
    app.after_request(offer)


def check() -> None:
    """DeniedError when the request needs a token and carries none that fits; the answer brings a fresh one."""
    if request.method not in _SAFE and _by_browser() and not carried():
        raise DeniedError("CSRF token missing or invalid: send the one of the response header " + HEADER)


def carried() -> bool:
    """Tell whether the current request carries a cookie and a token that fit, and comes from no other site."""
    secret = _secret()
    token = _decoded(request.headers.get(HEADER))
    if secret is None or token is None or request.headers.get("Sec-Fetch-Site") in _ELSEWHERE:
        return False
    return hmac.compare_digest(_xor(token[:_SECRET_BYTES], token[_SECRET_BYTES:]), _bound(secret))


def offer(response: Response) -> Response:
    """Add a token to the answer of a browser's request, and the cookie it belongs to when there is none yet.

    What shared caches may keep is everybody's and carries neither. Without the key it takes there is none.
    """
    if not _wants_token() or response.headers.get("Cache-Control", "").startswith("public"):
        return response
    known = _secret()
    secret = known or secrets.token_bytes(_SECRET_BYTES)
    try:
        bound = _bound(secret)
    except UnavailableError:
        return response
    if known is None:
        value = urlsafe_b64encode(secret).rstrip(b"=").decode()
        secure = installation().secure
        response.set_cookie(cookie_name(COOKIE, secure=secure), value, secure=secure, httponly=True, samesite="Strict")
    pad = secrets.token_bytes(_SECRET_BYTES)
    response.headers[HEADER] = b64encode(pad + _xor(pad, bound)).decode()
    return response


def _by_browser() -> bool:
    if not request.path.startswith(_FOR_PROGRAMS):
        return True
    return not request.environ.get("HTTP_AUTHORIZATION") and _name(SESSION_COOKIE) in request.cookies


def _wants_token() -> bool:
    """Browsers before their login are told by nothing, so that everybody without credentials gets one from the API."""
    if request.path.startswith("/api/"):
        return not request.environ.get("HTTP_AUTHORIZATION")
    return _by_browser()


def _secret() -> bytes | None:
    """The secret of the request's cookie, padded or not; None when there is none or it cannot be one of ours."""
    if "HTTP_COOKIE" not in request.environ:
        return None
    value = request.cookies.get(_name(COOKIE), "")
    if not 0 < len(value) <= _LONGEST:
        return None
    try:
        secret = urlsafe_b64decode(value + "=" * (-len(value) % 4))
    except ValueError:
        return None
    return secret if len(secret) == _SECRET_BYTES else None


def _name(cookie: str) -> str:
    return cookie_name(cookie, secure=installation().secure)


def _decoded(token: str | None) -> bytes | None:
    """The pad and the padded value of a token; None when it is malformed."""
    if not token or len(token) > _LONGEST:
        return None
    try:
        decoded = b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return None
    return decoded if len(decoded) == 2 * _SECRET_BYTES else None


def _bound(secret: bytes) -> bytes:
    """What a token says about the secret, which only this installation can know."""
    return hmac.digest(installation().ports.keys.csrf, secret, "sha256")


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(_SECRET_BYTES)
