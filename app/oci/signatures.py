"""Payloads of signatures: JSON in layers that says what is signed, and that all readers must read alike."""

import base64
from collections.abc import Mapping
from typing import Final

from app.core.errors import ManifestInvalid
from app.core.media_types import COSIGN_SIMPLE_SIGNING, DSSE_ENVELOPE, IN_TOTO, NOTATION_JWS, SIGSTORE_BUNDLES
from app.oci.documents import parse_plain
from app.oci.folding import BUNDLE, DSSE, JWS, JWS_PAYLOAD, SIMPLE_SIGNING, STATEMENT, UNKNOWN, Form

_FORMS: Final[Mapping[str, tuple[Form, Mapping[tuple[str, ...], Form]]]] = {
    COSIGN_SIMPLE_SIGNING: (SIMPLE_SIGNING, {}),
    NOTATION_JWS: (JWS, {("payload",): JWS_PAYLOAD, ("protected",): UNKNOWN}),
    DSSE_ENVELOPE: (DSSE, {("payload",): STATEMENT}),
    IN_TOTO: (STATEMENT, {}),
    **dict.fromkeys(SIGSTORE_BUNDLES, (BUNDLE, {("dsseEnvelope", "payload"): STATEMENT})),
}
"""Media type -> form of the payload, and paths of its members that hold JSON in base64 -> their forms."""
PAYLOADS: Final = frozenset(_FORMS)


def require_plain_payload(media_type: str, content: bytes, root: str) -> None:
    """Raise ManifestInvalid for a payload that readers do not all read alike; one that is not JSON is not checked."""
    form, encoded = _FORMS[media_type]
    try:
        envelope = parse_plain(content, form, root)
        if media_type in SIGSTORE_BUNDLES:
            _require_camel_case(envelope, root)
        for path, inner in encoded.items():
            text = _member(envelope, path)
            if isinstance(text, str):
                parse_plain(_decoded(text), inner, ".".join((root, *path)))
    except ValueError:
        return


def _require_camel_case(bundle: object, root: str) -> None:
    """Raise ManifestInvalid for a name like ``dsse_envelope``, which readers of protobuf take for ``dsseEnvelope``."""
    envelope = _member(bundle, ("dsseEnvelope",))
    for members in (bundle, envelope):
        for name in members if isinstance(members, dict) else ():
            if "_" in name:
                raise ManifestInvalid(f"{root}: members of a bundle have no underscores, but {name[:80]!r} has")


def _member(value: object, path: tuple[str, ...]) -> object:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _decoded(text: str) -> bytes:
    plain = text.replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4))
