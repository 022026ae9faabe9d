"""``/v2/<name>/blobs/<digest>``: pull, also in part, and delete of blobs (distribution-spec, end-2 and end-10)."""

from app.artifacts.blobs import BlobService
from app.core.digest import Digest
from app.core.errors import RangeInvalid
from app.core.etags import is_known
from app.core.media_types import OCTET_STREAM
from app.registry import errors, ranges
from app.registry.http import NO_PAGE, FileBody, Headers, RegistryRequest, RegistryResponse


def get(request: RegistryRequest) -> RegistryResponse:
    """Answer GET and HEAD with 200, 206 for a range, 304 for a known ETag, 416 for a range outside the blob.

    Raise BlobUnknown when the repository does not hold the blob.
    """
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
        byte_range = ranges.requested(request.header("RANGE"), blob.size)
    except RangeInvalid as error:
        refusal = errors.render(error)
        refusal.headers.append(("Content-Range", f"bytes */{blob.size}"))
        return refusal
    start, length = byte_range or (0, blob.size)
    if byte_range:
        headers.append(("Content-Range", f"bytes {start}-{start + length - 1}/{blob.size}"))
    status = 206 if byte_range else 200
    if request.method == "HEAD":
        headers.append(("Content-Length", str(length)))
        return RegistryResponse(status=status, headers=headers)
    body = FileBody(file=blobs.open(request.name, digest, blob, start), length=length)
    return RegistryResponse(status=status, headers=headers, body=body)


def delete(request: RegistryRequest) -> RegistryResponse:
    """Answer DELETE with 202: remove the blob from the repository; a later garbage collection deletes its bytes."""
    BlobService(request.ctx).unlink(request.name, Digest.parse(request.reference))
    return RegistryResponse(status=202)


def _headers(digest: Digest) -> Headers:
    return [
        ("Docker-Content-Digest", digest),
        ("ETag", f'"{digest}"'),
        ("Cache-Control", "max-age=31536000"),
        ("Accept-Ranges", "bytes"),
    ]
