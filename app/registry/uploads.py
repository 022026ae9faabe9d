"""Upload sessions and mounts (distribution-spec, end-4 to end-6, end-11, end-13, end-14)."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from app.artifacts.blobs import BlobService
from app.artifacts.upload_parts import Part
from app.artifacts.uploads import UploadService
from app.core.digest import UPLOADABLE, Digest
from app.core.errors import DigestInvalid, DomainError, InvalidError, RangeInvalid, SizeInvalid, UnauthenticatedError
from app.core.pausing import Pausing
from app.core.reference import RepositoryName
from app.registry import errors, ranges
from app.registry.http import Headers, RegistryRequest, RegistryResponse
from app.registry.receive import content_length, drain, receive
from app.storage.sessions import UploadSession

_REPEAT_SECONDS = 3600.0


def start(request: RegistryRequest) -> RegistryResponse | Pausing[RegistryResponse]:
    """Answer POST with 202 and a new session, or with 201 for a mount that succeeds or a body sent with its digest."""
    name = request.name
    mount = request.parameter("mount")
    if mount is not None:
        return _mounted_or_none(request, name, mount) or _started(UploadService(request.ctx).start(name))
    algorithm = request.parameter("digest-algorithm") or UPLOADABLE[0]
    if algorithm not in UPLOADABLE:
        raise DigestInvalid(f"unsupported digest algorithm {algorithm[:40]!r}: expected one of {', '.join(UPLOADABLE)}")
    text = request.parameter("digest")
    if text is None:
        return _started(UploadService(request.ctx).start(name, algorithm))
    return _at_once(request, name, Digest.parse_uploadable(text))


def patch(request: RegistryRequest) -> Pausing[RegistryResponse]:
    """Answer PATCH with 202 and the new offset; with 416 and the current one when the part starts elsewhere."""
    uploads = UploadService(request.ctx)
    upload = uploads.find(request.name, request.reference)
    try:
        with _part(request, upload) as part:
            offset = yield from uploads.append(upload, part)
    except RangeInvalid as error:
        return _out_of_place(request, error)
    return RegistryResponse(status=202, headers=_progress(upload, offset))


def put(request: RegistryRequest) -> Pausing[RegistryResponse]:
    """Answer PUT with 201: add the last part, if there is a body, and finish the upload under the query's digest.

    Raise DigestInvalid when the content has another digest.
    """
    name = request.name
    uploads = UploadService(request.ctx)
    upload = uploads.find(name, request.reference, finished=True)
    text = request.parameter("digest")
    if text is None:
        raise DigestInvalid("the digest parameter is missing")
    digest = Digest.parse_uploadable(text)
    try:
        yield from _complete(request, name, upload, digest)
    except RangeInvalid as error:
        return _out_of_place(request, error)
    return _created(name, digest)


def status(request: RegistryRequest) -> RegistryResponse:
    """Answer GET with 204 and the session's offset."""
    upload = UploadService(request.ctx).find(request.name, request.reference)
    return RegistryResponse(status=204, headers=_progress(upload, upload.offset))


def cancel(request: RegistryRequest) -> RegistryResponse:
    """Answer DELETE with 204: cancel the session and delete its bytes."""
    uploads = UploadService(request.ctx)
    uploads.cancel(uploads.find(request.name, request.reference))
    return RegistryResponse(status=204)


def _mounted_or_none(request: RegistryRequest, name: RepositoryName, text: str) -> RegistryResponse | None:
    """Return the response to a mount that succeeds; None when it is not possible and the client must upload.

    A mount reads another repository: the caller must have the right to pull from it, and the token must include it.
    Raise UnauthenticatedError, whose challenge names both repositories, when only the token lacks it.
    """
    try:
        digest = Digest.parse(text)
        sources = _sources(request)
    except InvalidError:
        return None
    return _created(name, digest) if BlobService(request.ctx).mount(name, digest, sources) else None


def _sources(request: RegistryRequest) -> list[RepositoryName] | None:
    """Return the repositories that the token lets a mount read; None for all repositories."""
    source_name = request.parameter("from")
    if source_name:
        source = RepositoryName.parse(source_name)
        if request.allows(source, "pull"):
            return [source]
        if BlobService(request.ctx).may_take_from(source):
            raise UnauthenticatedError(f"the token does not grant access to repository: {source}, action: pull")
        return []
    if request.granted is None:
        return None
    return [RepositoryName(name) for name in request.granted if request.allows(name, "pull")]


def _at_once(request: RegistryRequest, name: RepositoryName, digest: Digest) -> Pausing[RegistryResponse]:
    uploads = UploadService(request.ctx)
    upload = uploads.start(name, digest.algorithm)
    if content_length(request.environ) == 0 and digest != Digest.of(b"", digest.algorithm):
        return _started(upload)
    try:
        yield from _complete(request, name, upload, digest)
    except (DomainError, GeneratorExit):
        uploads.abandon(upload)
        raise
    return _created(name, digest)


def _complete(request: RegistryRequest, name: RepositoryName, upload: UploadSession, digest: Digest) -> Pausing[None]:
    uploads = UploadService(request.ctx)
    if upload.digest is not None:
        yield from uploads.complete(name, upload, digest, None)
        drain(request.environ, limit=upload.offset, seconds=_REPEAT_SECONDS)
    elif content_length(request.environ) == 0:
        yield from uploads.complete(name, upload, digest, None)
    else:
        with _part(request, upload) as part:
            yield from uploads.complete(name, upload, digest, part)


@contextmanager
def _part(request: RegistryRequest, upload: UploadSession) -> Iterator[Part]:
    """Yield the request body as a part of the upload; raise what ``_part_length_or_none`` raises."""
    length = _part_length_or_none(request, upload)
    declared = content_length(request.environ)
    with closing(receive(request.environ)) as pieces:
        yield Part(pieces=pieces, length=length, declared=declared)


def _part_length_or_none(request: RegistryRequest, upload: UploadSession) -> int | None:
    """Return the body's length by Content-Range; None without that header, or when Content-Length declares it too.

    Raise RangeInvalid when the part does not start at the session's offset, SizeInvalid when the two headers differ.
    """
    declared = ranges.declared(request.header("CONTENT_RANGE"))
    if declared is None:
        return None
    offset, length = declared
    if offset != upload.offset:
        raise RangeInvalid(
            f"the upload stands at offset {upload.offset}, not {offset}", detail={"offset": upload.offset}
        )
    header_length = content_length(request.environ)
    if header_length is not None and header_length != length:
        raise SizeInvalid(f"Content-Range declares {length} bytes, Content-Length {header_length}")
    return length if header_length is None else None


def _out_of_place(request: RegistryRequest, error: RangeInvalid) -> RegistryResponse:
    """Answer with 416 and the session's current offset, from which the client can continue."""
    drain(request.environ)
    upload = UploadService(request.ctx).find(request.name, request.reference)
    refusal = errors.render(error)
    refusal.headers += _progress(upload, upload.offset)
    return refusal


def _started(upload: UploadSession) -> RegistryResponse:
    return RegistryResponse(status=202, headers=_progress(upload, 0))


def _progress(upload: UploadSession, offset: int) -> Headers:
    return [
        ("Location", f"/v2/{upload.repository}/blobs/uploads/{upload.id}"),
        ("Range", f"0-{max(0, offset - 1)}"),
        ("Docker-Upload-UUID", upload.id),
    ]


def _created(name: RepositoryName, digest: Digest) -> RegistryResponse:
    headers = [("Location", f"/v2/{name}/blobs/{digest}"), ("Docker-Content-Digest", digest)]
    return RegistryResponse(status=201, headers=headers)
