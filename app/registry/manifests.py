"""``/v2/<name>/manifests/<reference>``: pull, push and delete of manifests."""

from contextlib import nullcontext
from typing import Final

from app.artifacts.manifests import ManifestService
from app.artifacts.pushes import ManifestPush, PushService
from app.artifacts.tags import TagService
from app.core.digest import Digest
from app.core.errors import DigestInvalid, ManifestInvalid, TooLarge, TooManyTags, UploadInvalid
from app.core.etags import is_known
from app.core.reference import is_digest, parse_tag
from app.oci.limits import LARGE_DOCUMENT, MANIFEST_BYTES, TAGS_PER_PUSH
from app.oci.manifests import parse_manifest
from app.registry.http import NO_PAGE, Headers, RegistryRequest, RegistryResponse
from app.registry.receive import content_length, receive

_TAG_ALGORITHM: Final = "sha256"


def get(request: RegistryRequest) -> RegistryResponse:
    """Answer GET and HEAD with the manifest as it was pushed, whatever Accept asks for; 304 for a known ETag."""
    service = ManifestService(request.ctx)
    manifest = service.find(request.name, request.reference, public_only=request.public_only)
    headers: Headers = [("Docker-Content-Digest", manifest.digest), ("ETag", f'"{manifest.digest}"')]
    if is_known(manifest.digest, request.header("IF_NONE_MATCH")):
        return RegistryResponse(status=304, headers=headers)
    headers += [("Content-Type", manifest.media_type), *NO_PAGE]
    if request.method == "HEAD":
        headers.append(("Content-Length", str(manifest.size)))
        return RegistryResponse(status=200, headers=headers)
    body = service.body(manifest)
    service.note_pull(manifest)
    return RegistryResponse(status=200, headers=headers, body=body)


def put(request: RegistryRequest) -> RegistryResponse:
    """Store a manifest under a tag, or under a digest with up to ``TAGS_PER_PUSH`` ``tag`` parameters; answer 201."""
    tags = _tags(request)
    body = _body(request)
    with request.ctx.ports.large_documents if len(body) > LARGE_DOCUMENT else nullcontext():
        manifest = parse_manifest(body, request.header("CONTENT_TYPE"))
    digest = _digest(request.reference, body)
    name = request.name
    PushService(request.ctx).push(ManifestPush(repository=name, manifest=manifest, body=body, digest=digest, tags=tags))
    headers: Headers = [("Location", f"/v2/{name}/manifests/{digest}"), ("Docker-Content-Digest", digest)]
    if manifest.subject is not None:
        headers.append(("OCI-Subject", manifest.subject.digest))
    if is_digest(request.reference):
        headers.extend(("OCI-Tag", tag) for tag in tags)
    return RegistryResponse(status=201, headers=headers)


def delete(request: RegistryRequest) -> RegistryResponse:
    """Delete a tag, or, by digest, a manifest with its tags; an index's children and referrers stay. Answer 202."""
    if is_digest(request.reference):
        ManifestService(request.ctx).delete(request.name, Digest.parse(request.reference))
    else:
        TagService(request.ctx).delete(request.name, request.reference)
    return RegistryResponse(status=202)


def _tags(request: RegistryRequest) -> tuple[str, ...]:
    if not is_digest(request.reference):
        return (parse_tag(request.reference),)
    names = tuple(dict.fromkeys(request.parameters("tag")))
    if len(names) > TAGS_PER_PUSH:
        raise TooManyTags(f"{len(names)} tags in one push, at most {TAGS_PER_PUSH} are accepted")
    return tuple(map(parse_tag, names))


def _digest(reference: str, body: bytes) -> Digest:
    if not is_digest(reference):
        return Digest.of(body, _TAG_ALGORITHM)
    digest = Digest.parse_uploadable(reference)
    actual = Digest.of(body, digest.algorithm)
    if actual != digest:
        detail = {"digest": digest, "actual": actual}
        raise DigestInvalid("the manifest has another digest than the request names", detail=detail)
    return digest


def _body(request: RegistryRequest) -> bytes:
    body = bytearray()
    if (content_length(request.environ) or 0) > MANIFEST_BYTES:
        raise _too_large()
    try:
        for piece in receive(request.environ):
            body += piece
            if len(body) > MANIFEST_BYTES:
                raise _too_large()
    except UploadInvalid as error:
        raise ManifestInvalid(f"the manifest did not arrive: {error.message}") from error
    return bytes(body)


def _too_large() -> TooLarge:
    return TooLarge(f"a manifest has at most {MANIFEST_BYTES} bytes")
