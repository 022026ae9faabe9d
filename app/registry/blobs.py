"""Blobs: reading whole or in part, asking for, and deleting (distribution-spec, end-2 and end-10)."""

from app.artifacts.blobs import BlobService
from app.core.digest import Digest
from app.core.errors import RangeInvalid
from app.core.etags import is_known
from app.core.media_types import OCTET_STREAM
from app.registry import errors, ranges
from app.registry.http import NO_PAGE, FileBody, Headers, RegistryRequest, RegistryResponse


def get(request: RegistryRequest) -> RegistryResponse:
    """GET and HEAD: 200, 206 for one range, 304 for a known ETag, 416; BlobUnknown when the repository lacks it."""
    digest = Digest.parse(request.reference)
    blobs = BlobService(request.ctx)
    blob = blobs.find(request.name, digest, public_only=request.public_only)
    if request.method == "HEAD" and request.allows(request.name, "push"):
        blobs.claim(request.name, digest, blob)
    headers = _headers(digest)
    if is_known(digest, request.header("IF_NONE_MATCH")):
        return RegistryResponse(status=304, headers=headers)
    headers += [("Content-Type", OCTET_STREAM), *NO_PAGE]
    try:
        part = ranges.requested(request.header("RANGE"), blob.size)
    except RangeInvalid as error:
        refusal = errors.render(error)
        refusal.headers.append(("Content-Range", f"bytes */{blob.size}"))
        return refusal
    start, length = part or (0, blob.size)
    if part:
        headers.append(("Content-Range", f"bytes {start}-{start + length - 1}/{blob.size}"))
    status = 206 if part else 200
    if request.method == "HEAD":
        headers.append(("Content-Length", str(length)))
        return RegistryResponse(status=status, headers=headers)
    body = FileBody(file=blobs.open(request.name, digest, blob, start), length=length)
    return RegistryResponse(status=status, headers=headers, body=body)


def delete(request: RegistryRequest) -> RegistryResponse:
    """DELETE: 202; the repository holds the blob no more at once, its bytes go with a later garbage collection."""
    BlobService(request.ctx).unlink(request.name, Digest.parse(request.reference))
    return RegistryResponse(status=202)


def _headers(digest: Digest) -> Headers:
    return [
        ("Docker-Content-Digest", digest),
        ("ETag", f'"{digest}"'),
        ("Cache-Control", "max-age=31536000"),
        ("Accept-Ranges", "bytes"),
    ]
