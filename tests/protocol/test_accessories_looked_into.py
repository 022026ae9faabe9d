"""Layers of signatures, attestations and SBOMs are looked into whatever media type they claim."""

import base64
import json

import httpx
import pytest

from app.core.media_types import COSIGN_SIGNATURE, COSIGN_SIMPLE_SIGNING, DSSE_ENVELOPE, SIGSTORE_BUNDLE
from app.oci.limits import PAYLOAD_BYTES
from tests.support.blobs import digest_of, push
from tests.support.contents import code_of
from tests.support.manifests import EMPTY, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, image, put

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NAME = "library-test/app"
INVALID = (400, "MANIFEST_INVALID")
UNKNOWN = "application/vnd.example.thing.v1+json"
STEM = f"sha256-{digest_of(b'subject').removeprefix('sha256:')}"
SIGNED = {"critical": {"image": {"docker-manifest-digest": "sha256:1"}, "type": "x"}, "optional": {"A": 1, "a": 2}}
SBOM = {"bomFormat": "CycloneDX", "components": [{"properties": {"Built-By": "a", "built-by": "b"}}]}


def _enveloped(statement: object) -> dict[str, object]:
    return {"payload": base64.b64encode(json.dumps(statement).encode()).decode(), "signatures": []}


GOOD = {".sig": SIGNED, ".att": _enveloped({"subject": []}), ".sbom": SBOM}
BAD = [
    (".sig", SIGNED | {"Critical": {}}),
    (".sig", {"critical": {"image": {"docker-manifest-digest": "a", "Docker-Manifest-Digest": "b"}}}),
    (".att", {"payload": "AA==", "Payload": "BB=="}),
    (".att", _enveloped({"subject": [], "Subject": [{}]})),
    (".sbom", SBOM | {"Components": []}),
]
CLAIMED = ["application/vnd.oci.image.layer.v1.tar+gzip", "text/plain", ""]


@pytest.fixture
def client(pusher: httpx.Client) -> httpx.Client:
    """A pusher whose repository holds the empty config."""
    push(pusher, NAME, EMPTY)
    return pusher


def _manifest(content: bytes, claimed: str) -> bytes:
    return image(layers=[descriptor(b"plain", "text/plain"), descriptor(content, claimed)], config=EMPTY)


def _pushed(client: httpx.Client, payload: object) -> bytes:
    content = json.dumps(payload).encode()
    push(client, NAME, content)
    push(client, NAME, b"plain")
    return content


@pytest.mark.parametrize("claimed", [*CLAIMED, COSIGN_SIMPLE_SIGNING, DSSE_ENVELOPE])
@pytest.mark.parametrize(("suffix", "payload"), BAD, ids=[f"{suffix[1:]}-{at}" for at, (suffix, _) in enumerate(BAD)])
def test_a_tag_says_what_its_layers_are(client: httpx.Client, suffix: str, payload: object, claimed: str) -> None:
    bad = _manifest(_pushed(client, payload), claimed)
    assert code_of(put(client, NAME, bad, STEM + suffix)) == INVALID
    assert client.get(f"/v2/{NAME}/manifests/{STEM}{suffix}").status_code == 404


@pytest.mark.parametrize("claimed", CLAIMED)
@pytest.mark.parametrize(("suffix", "payload"), GOOD.items())
def test_what_is_plain_is_accepted(client: httpx.Client, suffix: str, payload: object, claimed: str) -> None:
    answer = put(client, NAME, _manifest(_pushed(client, payload), claimed), STEM + suffix)
    assert answer.status_code == 201, answer.text


def test_a_manifest_that_is_there_gets_such_a_tag(client: httpx.Client) -> None:
    bad = _manifest(_pushed(client, SIGNED | {"Critical": {}}), "text/plain")
    assert put(client, NAME, bad, "v1").status_code == 201
    assert code_of(put(client, NAME, bad, f"{STEM}.sig")) == INVALID
    answer = client.put(
        f"/v2/{NAME}/manifests/{digest_of(bad)}",
        params={"tag": ["v2", f"{STEM}.sig"]},
        content=bad,
        headers={"Content-Type": OCI_MANIFEST},
    )
    assert code_of(answer) == INVALID
    assert client.get(f"/v2/{NAME}/tags/list").json()["tags"] == ["v1"]


@pytest.mark.parametrize("place", ["config", "layers", "blobs"])
def test_a_document_of_an_unknown_type_under_such_a_tag(client: httpx.Client, place: str) -> None:
    entry = descriptor(_pushed(client, SIGNED | {"Critical": {}}), "text/plain")
    document = json.dumps({"schemaVersion": 2, place: entry if place == "config" else [entry]}).encode()
    assert code_of(put(client, NAME, document, f"{STEM}.sig", UNKNOWN)) == INVALID
    assert put(client, NAME, document, "v1", UNKNOWN).status_code == 201


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (COSIGN_SIGNATURE, SIGNED | {"Critical": {}}),
        (SIGSTORE_BUNDLE, {"dsseEnvelope": {}, "DsseEnvelope": {}}),
        (DSSE_ENVELOPE, {"payload": "AA==", "Payload": "BB=="}),
    ],
)
def test_an_artifact_type_says_what_its_layers_are(client: httpx.Client, kind: str, payload: object) -> None:
    content = _pushed(client, payload)
    subject = descriptor(b"subject", OCI_MANIFEST)
    document = json.loads(_manifest(content, "text/plain")) | {"artifactType": kind, "subject": subject}
    assert code_of(put(client, NAME, json.dumps(document).encode())) == INVALID
    del document["artifactType"]
    document["config"] = descriptor(EMPTY, kind)
    assert code_of(put(client, NAME, json.dumps(document).encode())) == INVALID
    document["config"] = descriptor(EMPTY, OCI_EMPTY)
    assert put(client, NAME, json.dumps(document).encode()).status_code == 201


@pytest.mark.parametrize(("suffix", "accepted"), [(".sig", False), (".att", True), (".sbom", True)])
def test_what_is_too_large_to_be_looked_into(client: httpx.Client, suffix: str, accepted: bool) -> None:
    manifest = _manifest(_pushed(client, {"pad": "x" * PAYLOAD_BYTES}), "text/plain")
    answer = put(client, NAME, manifest, STEM + suffix)
    assert (answer.status_code == 201) if accepted else (code_of(answer) == INVALID), answer.text


def test_an_index_under_the_referrers_tag_is_no_payload(client: httpx.Client) -> None:
    child = _manifest(_pushed(client, SIGNED | {"Critical": {}}), "text/plain")
    assert put(client, NAME, child).status_code == 201
    listed = json.dumps({"schemaVersion": 2, "manifests": [descriptor(child, OCI_MANIFEST)]}).encode()
    assert put(client, NAME, listed, STEM, OCI_INDEX).status_code == 201
