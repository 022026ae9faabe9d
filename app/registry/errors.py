"""Rendering of domain errors as responses with distribution-spec's error codes and HTTP statuses."""

from collections.abc import Mapping
from typing import Final

import orjson

from app.core.errors import DomainError, Kind
from app.registry.http import Headers, RegistryResponse

JSON: Final = ("Content-Type", "application/json")

_BY_KIND: Final[Mapping[Kind, tuple[str, int]]] = {
    Kind.INVALID: ("BAD_REQUEST", 400),
    Kind.UNAUTHENTICATED: ("UNAUTHORIZED", 401),
    Kind.DENIED: ("DENIED", 403),
    Kind.NOT_FOUND: ("NOT_FOUND", 404),
    Kind.CONFLICT: ("CONFLICT", 409),
    Kind.PRECONDITION: ("DENIED", 403),
    Kind.LIMIT: ("DENIED", 403),
    Kind.UNSUPPORTED: ("UNSUPPORTED", 405),
    Kind.UNAVAILABLE: ("UNAVAILABLE", 503),
    Kind.INTERNAL: ("UNKNOWN", 500),
}
_BY_CODE: Final[Mapping[str, tuple[str, int]]] = {
    "name_invalid": ("NAME_INVALID", 400),
    "digest_invalid": ("DIGEST_INVALID", 400),
    "tag_invalid": ("TAG_INVALID", 400),
    "size_invalid": ("SIZE_INVALID", 400),
    "page_invalid": ("PAGINATION_NUMBER_INVALID", 400),
    "manifest_invalid": ("MANIFEST_INVALID", 400),
    "manifest_blob_unknown": ("MANIFEST_BLOB_UNKNOWN", 400),
    "upload_invalid": ("BLOB_UPLOAD_INVALID", 400),
    "project_unknown": ("NAME_UNKNOWN", 404),
    "repository_unknown": ("NAME_UNKNOWN", 404),
    "manifest_unknown": ("MANIFEST_UNKNOWN", 404),
    "blob_unknown": ("BLOB_UNKNOWN", 404),
    "upload_unknown": ("BLOB_UPLOAD_UNKNOWN", 404),
    "tag_immutable": ("PRECONDITION", 412),
    "too_large": ("MANIFEST_INVALID", 413),
    "too_many_tags": ("TAG_INVALID", 414),
    "range_invalid": ("RANGE_INVALID", 416),
    "too_many_requests": ("TOOMANYREQUESTS", 429),
}
"""Errors that have a code of their own in the specification; the kind decides for all others."""
_INTERNAL_MESSAGE: Final = "unknown error"


def render(error: DomainError) -> RegistryResponse:
    """Return the response to an error; that to an internal error gives no details."""
    code, status = _BY_CODE.get(error.code) or _BY_KIND[error.kind]
    message = _INTERNAL_MESSAGE if error.kind is Kind.INTERNAL else error.message
    entry: dict[str, object] = {"code": code, "message": message}
    if error.detail is not None and error.kind is not Kind.INTERNAL:
        entry["detail"] = error.detail
    headers: Headers = [JSON]
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    return RegistryResponse(status=status, headers=headers, body=orjson.dumps({"errors": [entry]}, default=str))
