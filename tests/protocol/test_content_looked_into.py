"""Configs and signatures are looked into whatever the document that names them is, and however large they are."""

import base64
import json

import httpx
import pytest

from app.artifacts import content_checks, pushes
from app.context import Ports
from app.core.media_types import (
    COSIGN_SIMPLE_SIGNING,
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DSSE_ENVELOPE,
    HELM_CONFIG,
    NOTATION_JWS,
    SIGSTORE_BUNDLE,
)
from app.oci.limits import CONFIG_BYTES, DOCUMENT_PARTS, PAYLOAD_BYTES
from tests.support.blobs import push
from tests.support.contents import code_of
from tests.support.manifests import EMPTY, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, image, put

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NAME = "library-test/app"
UNKNOWN = "application/vnd.example.thing.v1+json"
TWICE = b'{"os":"linux","OS":"windows"}'
PLUGIN = "application/vnd.docker.plugin.v1+json"
PAYLOADS = (COSIGN_SIMPLE_SIGNING, NOTATION_JWS, DSSE_ENVELOPE)
INVALID = (400, "MANIFEST_INVALID")


def _signed(payload: bytes, kind: str) -> bytes:
    return image(config=EMPTY, layers=[descriptor(payload, kind)])


def _padded(members: str, size: int) -> bytes:
    return f'{{{members},"pad":"{"x" * size}"}}'.encode()


@pytest.fixture
def client(pusher: httpx.Client) -> httpx.Client:
    """A pusher whose repository holds the empty config."""
    push(pusher, NAME, EMPTY)
    return pusher


@pytest.mark.parametrize("kind", [OCI_CONFIG, DOCKER_CONFIG, HELM_CONFIG])
@pytest.mark.parametrize("place", ["config", "layers", "blobs", "manifests"])
def test_a_config_in_a_document_of_another_type(client: httpx.Client, place: str, kind: str) -> None:
    push(client, NAME, TWICE)
    entry = descriptor(TWICE, kind)
    document = json.dumps({"schemaVersion": 2, place: entry if place == "config" else [entry]}).encode()
    answer = put(client, NAME, document, "v1", OCI_INDEX if place == "manifests" else UNKNOWN)
    assert code_of(answer) == INVALID
    assert "OS" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("beside", [{"size": None}, {"size": 1.5}, {"artifactType": 5}, {"annotations": {"a": 1}}])
def test_a_config_beside_what_cannot_be_read(client: httpx.Client, beside: dict[str, object]) -> None:
    """Other readers take a size that is not there for nothing, and follow the digest."""
    push(client, NAME, TWICE)
    document = json.dumps({"config": descriptor(TWICE, OCI_CONFIG) | beside}).encode()
    assert code_of(put(client, NAME, document, "v1", UNKNOWN)) == INVALID


@pytest.mark.parametrize("kind", [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST])
def test_a_manifest_that_an_index_lists_is_no_blob(client: httpx.Client, kind: str) -> None:
    """It could be pushed as a manifest of another type later, and checked as that."""
    child = image(config=EMPTY)
    push(client, NAME, child)
    listed = json.dumps({"schemaVersion": 2, "manifests": [descriptor(child, kind)]}).encode()
    answer = put(client, NAME, listed, "v1", OCI_INDEX)
    assert code_of(answer) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize("kind", [OCI_CONFIG, *PAYLOADS])
def test_a_known_type_in_another_spelling(client: httpx.Client, kind: str) -> None:
    push(client, NAME, TWICE)
    for spelled in (kind.upper(), f"{kind} ", f"{kind}; charset=utf-8"):
        document = image(config=TWICE) if kind == OCI_CONFIG else _signed(TWICE, kind)
        assert code_of(put(client, NAME, document.replace(kind.encode(), spelled.encode()), "a")) == INVALID
    document = json.loads(image()) | {"mediaType": None}
    assert code_of(put(client, NAME, json.dumps(document).encode(), "a", OCI_MANIFEST.upper())) == INVALID


@pytest.mark.parametrize("untyped", [{}, {"mediaType": None}, {"mediaType": ""}])
def test_a_config_without_a_media_type(client: httpx.Client, untyped: dict[str, object]) -> None:
    """Clients read it as an image's; a layer without one is no config."""
    push(client, NAME, TWICE)
    named = {name: value for name, value in descriptor(TWICE, "").items() if name != "mediaType"} | untyped
    answer = put(client, NAME, json.dumps(json.loads(image()) | {"config": named, "layers": []}).encode(), "a")
    assert code_of(answer) == INVALID
    assert "OS" in answer.json()["errors"][0]["message"]
    document = json.loads(image(config=EMPTY)) | {"layers": [named]}
    assert put(client, NAME, json.dumps(document).encode(), "a").status_code == 201


def test_a_config_is_no_layer_that_may_be_elsewhere(client: httpx.Client) -> None:
    foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    document = json.loads(image()) | {"config": descriptor(b"not here", foreign), "layers": []}
    refused = put(client, NAME, json.dumps(document).encode(), "a")
    assert code_of(refused) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize("kind", PAYLOADS)
def test_a_large_signature(client: httpx.Client, kind: str) -> None:
    payload = _padded('"payload":"AA==","Payload":"BB==","critical":{},"Critical":{}', 100_000)
    push(client, NAME, payload)
    assert code_of(put(client, NAME, _signed(payload, kind), "v1")) == INVALID


@pytest.mark.parametrize("kind", [*PAYLOADS, SIGSTORE_BUNDLE, OCI_CONFIG])
def test_what_is_too_large_to_be_looked_into(client: httpx.Client, kind: str) -> None:
    content = _padded('"os":"linux"', max(CONFIG_BYTES, PAYLOAD_BYTES))
    push(client, NAME, content)
    manifest = image(config=content) if kind == OCI_CONFIG else _signed(content, kind)
    answer = put(client, NAME, manifest, "v1")
    assert (answer.status_code == 201) if kind in (DSSE_ENVELOPE, SIGSTORE_BUNDLE) else (code_of(answer) == INVALID)


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "application/octet-stream", "application/x-www-form-urlencoded"]
)
def test_a_type_that_says_nothing(client: httpx.Client, kind: str) -> None:
    document = json.loads(image(config=EMPTY)) | {"config": descriptor(EMPTY, OCI_EMPTY)}
    del document["mediaType"]
    for sent in (kind, kind.upper(), f"{kind}; charset=utf-8"):
        assert code_of(put(client, NAME, json.dumps(document).encode(), "v1", sent)) == INVALID


@pytest.mark.parametrize("unit", ["[]", "{}", "1", '{"a":{}}'])
def test_values_without_measure(client: httpx.Client, unit: str) -> None:
    parts = ",".join([unit] * (DOCUMENT_PARTS + 1))
    many = f'"many":[{parts}]'
    manifest = image(config=EMPTY)[:-1] + f",{many}}}".encode()
    answer = put(client, NAME, manifest, "v1", OCI_MANIFEST)
    assert code_of(answer) == INVALID
    assert "values" in answer.json()["errors"][0]["message"]
    config = f'{{"os":"linux",{many}}}'.encode()
    push(client, NAME, config)
    assert code_of(put(client, NAME, image(config=config), "v1")) == INVALID


def _attested(predicate: object) -> bytes:
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "predicateType": "x",
        "subject": [],
        "predicate": predicate,
    }
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    return json.dumps({"payloadType": "application/vnd.in-toto+json", "payload": payload, "signatures": []}).encode()


ARGUMENTS = {"build-arg:http_proxy": "a", "build-arg:HTTP_PROXY": "a", "deep": [{"A": 1, "a": 2}]}
PREDICATES: list[tuple[object, bool]] = [
    ({"invocation": {"parameters": {"args": ARGUMENTS}, "environment": ARGUMENTS}}, True),
    ({"buildDefinition": {"externalParameters": {"request": {"args": ARGUMENTS}}}}, True),
    ({"runDetails": {"metadata": {"invocationID": "1", "invocationId": "1", "buildkit_metadata": ARGUMENTS}}}, True),
    ({"artifacts": [{"metadata": {"manifest": {"Built-By": "a", "built-by": "b"}}}]}, True),
    ({"materials": [{"uri": "a", "digest": {"sha1": "a", "SHA1": "b"}}]}, True),
    ({"builder": {"id": "a"}, "Builder": {"id": "b"}}, False),
    ({"builder": {"id": "a", "ID": "b"}}, False),
    ({"Builder": {"ID": "b"}, "Materials": [{"URI": "a"}]}, True),
    ({"runDetails": {"Builder": {"id": "b"}, "builder": {}}}, False),
    ({"buildDefinition": {"resolvedDependencies": [{"uri": "a", "URI": "b"}]}}, False),
]


@pytest.mark.parametrize(("predicate", "accepted"), PREDICATES, ids=lambda each: json.dumps(each)[:60])
def test_what_builds_are_told_is_free_and_what_they_are_judged_by_is_not(
    client: httpx.Client, predicate: object, accepted: bool
) -> None:
    payload = _attested(predicate)
    bundle = json.dumps({"mediaType": SIGSTORE_BUNDLE, "dsseEnvelope": json.loads(payload)}).encode()
    for content, kind in ((payload, DSSE_ENVELOPE), (bundle, SIGSTORE_BUNDLE)):
        push(client, NAME, content)
        answer = put(client, NAME, _signed(content, kind), "v1")
        assert (answer.status_code == 201) if accepted else (code_of(answer) == INVALID), answer.text


@pytest.mark.parametrize("second", ["DsseEnvelope", "dsseEnvelope", "MediaType"])
def test_a_bundle_has_one_envelope(client: httpx.Client, second: str) -> None:
    bundle = f'{{"mediaType":"x","dsseEnvelope":{{"payload":"AA=="}},"{second}":{{"payload":"BB=="}}}}'.encode()
    push(client, NAME, bundle)
    assert code_of(put(client, NAME, _signed(bundle, SIGSTORE_BUNDLE), "v1")) == INVALID


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/json", "text/html", PLUGIN])
def test_configs_that_docker_reads_as_an_images(client: httpx.Client, kind: str) -> None:
    for content, accepted in ((b'{"os":"linux"}', True), (TWICE, False), (b"no JSON", True)):
        push(client, NAME, content)
        document = json.loads(image()) | {"config": descriptor(content, kind), "layers": []}
        answer = put(client, NAME, json.dumps(document).encode(), "v1")
        assert (answer.status_code == 201) if accepted else (code_of(answer) == INVALID), answer.text


@pytest.mark.parametrize("place", ["manifest", "annotations", "config", "nested"])
def test_no_name_holds_nul(client: httpx.Client, place: str) -> None:
    config = {"os": "linux", "config": {"User": "root"}}
    document = json.loads(image()) | {"layers": []}
    match place:
        case "manifest":
            document["extra\0"] = 1
        case "annotations":
            document["annotations"] = {"src": "real", "src\0": "forged"}
        case "config":
            config["os\0"] = "windows"
        case _:
            config["config"] = {"User": "root", "User\0": "nobody"}
    content = json.dumps(config).encode()
    push(client, NAME, content)
    document["config"] = descriptor(content, OCI_CONFIG)
    assert code_of(put(client, NAME, json.dumps(document).encode(), "v1")) == INVALID
    document["annotations"] = {"src": "a\0b"}
    plain = json.dumps({"os": "linux"}).encode()
    push(client, NAME, plain)
    document["config"] = descriptor(plain, OCI_CONFIG)
    document.pop("extra\0", None)
    assert put(client, NAME, json.dumps(document).encode(), "v1").status_code == 201, "values may"


@pytest.mark.parametrize("all_lost", [False, True], ids=["one file", "the volume"])
def test_content_that_cannot_be_read_is_not_taken_unseen(client: httpx.Client, ports: Ports, all_lost: bool) -> None:
    """The lost config is asked for again; without the volume, the push may come again later."""
    push(client, NAME, TWICE)
    files = [path for path in ports.settings.storage.path.rglob("*") if path.is_file()]
    lost = [path for path in files if all_lost or path.read_bytes() == TWICE]
    contents = {path: path.read_bytes() for path in lost}
    for path in lost:
        path.unlink()
    answer = put(client, NAME, image(config=TWICE), "v1")
    assert code_of(answer) == ((503, "UNAVAILABLE") if all_lost else (400, "MANIFEST_BLOB_UNKNOWN"))
    for path, content in contents.items():
        path.write_bytes(content)
    push(client, NAME, TWICE)
    assert code_of(put(client, NAME, image(config=TWICE), "v1")) == INVALID


class TestNotThereYet:
    """What comes between the look and the transaction is looked into all the same."""

    @pytest.mark.parametrize("again", [False, True])
    @pytest.mark.parametrize("kind", [OCI_MANIFEST, UNKNOWN])
    @pytest.mark.parametrize("content", [TWICE, b'{"os":"linux"}'])
    def test_a_config_that_comes_during_the_push(
        self, client: httpx.Client, monkeypatch: pytest.MonkeyPatch, content: bytes, kind: str, again: bool
    ) -> None:
        document = json.loads(image(config=content)) | {"mediaType": kind}
        body = json.dumps(document).encode()
        look = content_checks.check_content
        if again:
            assert put(client, NAME, body, "v1", kind).status_code == (400 if kind == OCI_MANIFEST else 201)

        def overtaken(*args: object) -> object:
            monkeypatch.setattr(pushes, "check_content", look)
            found = look(*args)  # type: ignore[arg-type]  # handed on
            push(client, NAME, content)
            return found

        monkeypatch.setattr(pushes, "check_content", overtaken)
        answer = put(client, NAME, body, "v1", kind)
        assert (code_of(answer) == INVALID) if content == TWICE else (answer.status_code == 201)
