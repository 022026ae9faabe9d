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
    """POST: 202 with a session; 201 at once for a mount that succeeds, or for a body that comes with its digest."""
    name = request.name
    mount = request.parameter("mount")
    if mount is not None:
        return _mounted(request, name, mount) or _started(UploadService(request.ctx).start(name))
    algorithm = request.parameter("digest-algorithm") or UPLOADABLE[0]
    if algorithm not in UPLOADABLE:
        raise DigestInvalid(f"unsupported digest algorithm {algorithm[:40]!r}: expected one of {', '.join(UPLOADABLE)}")
    text = request.parameter("digest")
    if text is None:
        return _started(UploadService(request.ctx).start(name, algorithm))
    return _at_once(request, name, Digest.parse_uploadable(text))


def patch(request: RegistryRequest) -> Pausing[RegistryResponse]:
    """PATCH: 202 with the new offset; 416 with the true one when the part does not go on there, its body unread."""
    uploads = UploadService(request.ctx)
    upload = uploads.find(request.name, request.reference)
    try:
        with _part(request, upload) as part:
            offset = yield from uploads.append(upload, part)
    except RangeInvalid as error:
        return _out_of_place(request, error)
    return RegistryResponse(status=202, headers=_progress(upload, offset))


def put(request: RegistryRequest) -> Pausing[RegistryResponse]:
    """PUT: 201 when the whole content, with the last part in the body or without one, has the digest of the query."""
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
    """GET: 204 with the session's offset, as often as asked."""
    upload = UploadService(request.ctx).find(request.name, request.reference)
    return RegistryResponse(status=204, headers=_progress(upload, upload.offset))


def cancel(request: RegistryRequest) -> RegistryResponse:
    """DELETE: 204; the session and its bytes are gone."""
    uploads = UploadService(request.ctx)
    uploads.cancel(uploads.find(request.name, request.reference))
    return RegistryResponse(status=204)


def _mounted(request: RegistryRequest, name: RepositoryName, text: str) -> RegistryResponse | None:
    """The answer to a mount that succeeds; whatever stands against it, the client shall upload instead.

    A mount reads another repository, so a token must allow to pull from that one too, beside its holder's right to.
    UnauthenticatedError, whose challenge names both, when the holder may but the token does not reach so far.
    """
    try:
        digest = Digest.parse(text)
        sources = _sources(request)
    except InvalidError:
        return None
    return _created(name, digest) if BlobService(request.ctx).mount(name, digest, sources) else None


def _sources(request: RegistryRequest) -> list[RepositoryName] | None:
    """The repositories that a mount may take from as far as the token goes; None for all."""
    named = request.parameter("from")
    if named:
        source = RepositoryName.parse(named)
        if request.allows(source, "pull"):
            return [source]
        if BlobService(request.ctx).may_take_from(source):
            raise UnauthenticatedError(f"the token does not reach repository {source}, action: pull")
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
    """The body as a part of the session; errors as ``_part_length``."""
    length = _part_length(request, upload)
    declared = content_length(request.environ)
    with closing(receive(request.environ)) as pieces:
        yield Part(pieces=pieces, length=length, declared=declared)


def _part_length(request: RegistryRequest, upload: UploadSession) -> int | None:
    """The length that the body must turn out to have; None when Content-Length or nothing declares it.

    RangeInvalid when the part does not begin at the session's offset, SizeInvalid when the two headers contradict.
    """
    declared = ranges.declared(request.header("CONTENT_RANGE"))
    if declared is None:
        return None
    start_at, length = declared
    if start_at != upload.offset:
        raise RangeInvalid(
            f"the upload stands at offset {upload.offset}, not {start_at}", detail={"offset": upload.offset}
        )
    given = content_length(request.environ)
    if given is not None and given != length:
        raise SizeInvalid(f"Content-Range declares {length} bytes, Content-Length {given}")
    return length if given is None else None


def _out_of_place(request: RegistryRequest, error: RangeInvalid) -> RegistryResponse:
    """416 with what the client needs to go on."""
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
