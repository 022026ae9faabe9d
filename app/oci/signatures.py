"""Payloads of signatures: JSON in layers that says what is signed, and that all readers must read alike."""

import base64
import re
from collections.abc import Mapping
from typing import Final

from app.core.errors import ManifestInvalid
from app.core.media_types import (
    COSIGN_SIGNATURE,
    COSIGN_SIMPLE_SIGNING,
    CYCLONEDX,
    DSSE_ENVELOPE,
    IN_TOTO,
    NOTATION_COSE,
    NOTATION_JWS,
    SIGSTORE_BUNDLE,
)
from app.oci import cose
from app.oci.documents import parse_as_any_reader
from app.oci.folding import BUNDLE, DSSE, JWS, JWS_PAYLOAD, JWS_PROTECTED, SBOM, SIMPLE_SIGNING, STATEMENT, Form

_FORMS: Final[Mapping[str, tuple[Form, Mapping[tuple[str, ...], Form]]]] = {
    COSIGN_SIMPLE_SIGNING: (SIMPLE_SIGNING, {}),
    NOTATION_JWS: (JWS, {("payload",): JWS_PAYLOAD, ("protected",): JWS_PROTECTED}),
    NOTATION_COSE: (JWS_PAYLOAD, {}),
    DSSE_ENVELOPE: (DSSE, {("payload",): STATEMENT}),
    IN_TOTO: (STATEMENT, {}),
    SIGSTORE_BUNDLE: (BUNDLE, {("dsseEnvelope", "payload"): STATEMENT}),
    CYCLONEDX: (SBOM, {}),
}
"""Media type -> form of the payload, and paths of its members that hold JSON in base64 -> their forms."""
_BUNDLES: Final = "application/vnd.dev.sigstore.bundle"
"""Verifiers know bundles of any version by this beginning."""
_IN_TOTO_FAMILY: Final = "application/vnd.in-toto"
_NOT_BASE64: Final = re.compile(r"[^A-Za-z0-9+/]")


def payload_type_or_none(media_type: str) -> str | None:
    """Return the media type as which readers take a payload of this one; None for what is no signature or statement."""
    bare = media_type.partition(";")[0].strip().lower()
    if bare in _FORMS:
        return bare
    if bare == COSIGN_SIGNATURE:
        return COSIGN_SIMPLE_SIGNING
    if bare.startswith(_BUNDLES):
        return SIGSTORE_BUNDLE
    if bare.startswith(_IN_TOTO_FAMILY):
        return DSSE_ENVELOPE if bare.endswith("+dsse") else IN_TOTO
    return None


def require_plain_payload(media_type: str, content: bytes, root: str) -> None:
    """Raise ManifestInvalid for a payload that readers do not all read alike; one that is not JSON is not checked."""
    form, encoded = _FORMS[media_type]
    if media_type == NOTATION_COSE:
        content = cose.payload_or_none(content) or b""
    document = _parsed(content, form, root)
    if media_type == SIGSTORE_BUNDLE:
        _require_camel_case(document, root)
    for path, inner in encoded.items():
        text = _member(document, path)
        if isinstance(text, str):
            _parsed(_decoded(text), inner, ".".join((root, *path)))


def _parsed(content: bytes, form: Form, root: str) -> object:
    document = parse_as_any_reader(content, form, root)
    if form is STATEMENT and isinstance(document, dict):
        _require_no_alias(document, root)
    return document


def _require_no_alias(statement: dict[str, object], root: str) -> None:
    """Raise ManifestInvalid for a name that readers of protobuf take for another member of the statement."""
    if "predicate_type" in statement:
        raise ManifestInvalid(f"{root}: 'predicate_type' is another spelling of the member 'predicateType'")
    if "type" in statement and "predicateType" in statement:
        raise ManifestInvalid(f"{root}: 'type' is another spelling of the member '_type'")


def _require_camel_case(bundle: object, root: str) -> None:
    """Raise ManifestInvalid for a name like ``dsse_envelope``, which readers of protobuf take for ``dsseEnvelope``."""
    pending = [bundle]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            for name in value:
                if "_" in name:
                    raise ManifestInvalid(f"{root}: members of a bundle have no underscores, but {name[:80]!r} has")
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def _member(value: object, path: tuple[str, ...]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _decoded(text: str) -> bytes:
    """Decode what any reader of base64 accepts: either alphabet, line breaks, padding or none."""
    plain = _NOT_BASE64.sub("", text.replace("-", "+").replace("_", "/"))
    whole = plain[: len(plain) - (len(plain) % 4 == 1)]
    return base64.b64decode(whole + "=" * (-len(whole) % 4))
