"""Render errors of the management API in Harbor's form, ``{"errors": [{"code", "message"}]}``."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

import structlog
from flask import Flask, Response, json
from werkzeug.exceptions import HTTPException

from app.core.errors import DomainError, Kind
from app.web import refused_changes
from app.web.session import current_context

_log = structlog.get_logger()

_BY_KIND: Final[Mapping[Kind, tuple[int, str]]] = {
    Kind.INVALID: (400, "BAD_REQUEST"),
    Kind.UNAUTHENTICATED: (401, "UNAUTHORIZED"),
    Kind.DENIED: (403, "FORBIDDEN"),
    Kind.NOT_FOUND: (404, "NOT_FOUND"),
    Kind.CONFLICT: (409, "CONFLICT"),
    Kind.PRECONDITION: (412, "PRECONDITION"),
    Kind.LIMIT: (400, "BAD_REQUEST"),
    Kind.UNSUPPORTED: (400, "UNSUPPORTED"),
    Kind.UNAVAILABLE: (503, "UNAVAILABLE"),
    Kind.INTERNAL: (500, "UNKNOWN"),
}
_BY_CODE: Final[Mapping[str, tuple[int, str]]] = {
    "digest_invalid": (400, "DIGEST_INVALID"),
    "manifest_invalid": (400, "MANIFEST_INVALID"),
    "quota_exceeded": (403, "DENIED"),
    "read_only": (403, "DENIED"),
    "robot_denied": (403, "DENIED"),
    "still_referenced": (412, "VIOLATE_FOREIGN_KEY_CONSTRAINT"),
    "too_large": (413, "REQUEST_ENTITY_TOO_LARGE"),
    "too_many_requests": (429, "TOO_MANY_REQUEST"),
}
"""Errors whose answer differs from that of their kind."""
_HIDDEN: Final = "internal server error"
_MOST_SENTENCES: Final = 20
"""The most validation messages in an answer; a long list may have one for each value."""


def render(status: int, code: str, message: str, retry_after: int | None = None) -> Response:
    """Return an answer with one error, as Harbor writes it; no cache may keep it, as it is for one caller."""
    body = json.dumps({"errors": [{"code": code, "message": message}]}) + "\n"
    response = Response(body, status, content_type="application/json; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def render_domain_error(error: DomainError) -> Response:
    """Answer a domain error and record its events; an InternalError is logged, and its message is not sent."""
    if error.facts:
        current_context().record_refusal(error)
    refused_changes.record(error)
    status, code = _BY_CODE.get(error.code) or _BY_KIND[error.kind]
    if error.kind is Kind.INTERNAL:
        return render_unexpected(error)
    return render(status, code, error.message, error.retry_after)


def render_http_error(error: HTTPException) -> Response:
    """Answer an error of the framework: an unknown path or method, a request that does not fit its schema."""
    status = HTTPStatus(error.code or 500)
    details: object = getattr(error, "data", {}).get("messages")
    message = "; ".join(islice(_sentences(details), _MOST_SENTENCES)) if details else error.description or status.phrase
    response = render(status, _phrase_code(status), message)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def render_unexpected(error: Exception) -> Response:
    """Answer 500 to any other exception; the log has its traceback."""
    _log.error("request failed", exc_info=error)
    return render(500, "UNKNOWN", _HIDDEN)


def register(app: Flask) -> None:
    """Use these renderers wherever a blueprint has none of its own."""
    app.register_error_handler(DomainError, render_domain_error)
    app.register_error_handler(HTTPException, render_http_error)
    app.register_error_handler(Exception, render_unexpected)


def _phrase_code(status: HTTPStatus) -> str:
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return "UNPROCESSABLE_ENTITY"
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return "REQUEST_ENTITY_TOO_LARGE"
    return status.phrase.upper().replace(" ", "_").replace("-", "_")


def _sentences(messages: Any, path: tuple[str, ...] = ()) -> Iterator[str]:  # noqa: ANN401 - marshmallow nests freely
    """Flatten validation messages, ``location -> field -> [text]``, to ``field in location: text``."""
    if isinstance(messages, Mapping):
        for key, value in messages.items():
            yield from _sentences(value, (*path, str(key)))
    elif isinstance(messages, list):
        for value in messages:
            yield from _sentences(value, path)
    else:
        location, *field = path or ("request",)
        where = "body" if location == "json" else location
        name = ".".join(part for part in field if part != "_schema")
        yield f"{name} in {where}: {messages}" if name else f"{where}: {messages}"
