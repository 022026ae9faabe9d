"""Documents that two readers would read differently: refused with the member and its place, at every level."""

import base64
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.core.media_types import COSIGN_SIMPLE_SIGNING, DOCKER_LIST, DOCKER_MANIFEST, HELM_CONFIG, NOTATION_JWS
from tests.support.blobs import push
from tests.support.contents import code_of
from tests.support.manifests import (
    CONFIG,
    EMPTY,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    descriptor,
    image,
    index,
    put,
)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NAME = "library-test/app"
KINDS = (OCI_MANIFEST, DOCKER_MANIFEST, "application/vnd.example.manifest.v1+json")
LAYER = b"layer"
Document = dict[str, Any]


def sample_manifest() -> Document:
    return dict(json.loads(image(LAYER, annotations={"A": "1", "a": "2"})))


def sample_index() -> Document:
    entry = descriptor(image(LAYER), OCI_MANIFEST, platform={"os": "linux", "architecture": "amd64"})
    return dict(json.loads(index(manifests=[entry])))


def refused_at(answer: httpx.Response, place: str) -> None:
    assert code_of(answer) == (400, "MANIFEST_INVALID"), answer.text
    (error,) = answer.json()["errors"]
    assert place in error["message"]
    assert error["detail"]["place"] == place


@pytest.fixture
def stocked(pusher: httpx.Client) -> httpx.Client:
    """A pusher whose repository holds the content and an image of it."""
    for content in (CONFIG, LAYER, EMPTY):
        push(pusher, NAME, content)
    assert put(pusher, NAME, image(LAYER)).status_code == 201
    return pusher


def _renamed(members: Document, name: str, other: str) -> None:
    members[other] = members.pop(name)


MANIFESTS: list[tuple[str, Callable[[Document], object]]] = [
    ("Layers", lambda each: each.update(Layers=[])),
    ("layer\u017f", lambda each: each.update({"layer\u017f": []})),
    ("LAYERS", lambda each: _renamed(each, "layers", "LAYERS")),
    ("Config", lambda each: each.update(Config=None)),
    ("Subject", lambda each: each.update(Subject=descriptor(EMPTY))),
    ("MediaType", lambda each: each.update(MediaType=OCI_INDEX)),
    ("Manifests", lambda each: each.update(Manifests=[])),
    ("FsLayers", lambda each: each.update(FsLayers=[])),
    ("artifacttype", lambda each: each.update(artifacttype="a/b")),
    ("Annotations", lambda each: each.update(Annotations={})),
    ("EXTENSION", lambda each: each.update(extension=1, EXTENSION=2)),
    ("\u212aind", lambda each: each.update({"kind": 1, "\u212aind": 2})),
    ("extension.inner[1].A", lambda each: each.update(extension={"inner": [0, {"a": 1, "A": 2}]})),
    ("config.MediaType", lambda each: each["config"].update(MediaType=OCI_EMPTY)),
    ("layers[0].Digest", lambda each: each["layers"][0].update(Digest=descriptor(EMPTY)["digest"])),
    ("layers[0].Size", lambda each: each["layers"][0].update(Size=1)),
    ("layers[0].\u017fize", lambda each: each["layers"][0].update({"\u017fize": 1})),
    ("layers[0].URLs", lambda each: each["layers"][0].update(URLs=[])),
    ("layers[0].platform.OS", lambda each: each["layers"][0].update(platform={"OS": "linux"})),
]
INDEXES: list[tuple[str, Callable[[Document], object]]] = [
    ("Manifests", lambda each: each.update(Manifests=[])),
    ("LAYERS", lambda each: each.update(LAYERS=[])),
    ("manifests[0].DIGEST", lambda each: each["manifests"][0].update(DIGEST="")),
    ("manifests[0].platform.OS", lambda each: each["manifests"][0]["platform"].update(OS="windows")),
    ("manifests[0].platform.Os.Version", lambda each: each["manifests"][0]["platform"].update({"Os.Version": "1"})),
    ("subject.Digest", lambda each: each.update(subject=descriptor(EMPTY, Digest=""))),
]


@pytest.mark.parametrize(("place", "change"), MANIFESTS, ids=[place for place, _ in MANIFESTS])
def test_a_manifest_that_readers_differ_on(
    stocked: httpx.Client, place: str, change: Callable[[Document], object]
) -> None:
    for kind in KINDS:
        document = sample_manifest() | {"mediaType": kind}
        change(document)
        refused_at(put(stocked, NAME, json.dumps(document).encode(), "v1", kind), place)
    assert stocked.get(f"/v2/{NAME}/manifests/v1").status_code == 404


@pytest.mark.parametrize(("place", "change"), INDEXES, ids=[place for place, _ in INDEXES])
def test_an_index_that_readers_differ_on(
    stocked: httpx.Client, place: str, change: Callable[[Document], object]
) -> None:
    for kind in (OCI_INDEX, DOCKER_LIST):
        document = sample_index() | {"mediaType": kind}
        change(document)
        refused_at(put(stocked, NAME, json.dumps(document).encode(), "v1", kind), place)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b'"layers":', b'"layers": [], "layers":', "layers"),
        (b'"size":', b'"size": 1, "size":', "config.size"),
        (b'"A":', b'"a": "0", "A":', "annotations.a"),
    ],
)
def test_a_member_named_twice(stocked: httpx.Client, old: bytes, new: bytes, place: str) -> None:
    body = json.dumps(sample_manifest()).encode().replace(old, new, 1)
    refused_at(put(stocked, NAME, body, "v1", OCI_MANIFEST), place)


def test_maps_hold_names_that_differ_in_case(stocked: httpx.Client) -> None:
    document = sample_manifest()
    notes = {"A": "1", "a": "2", "Layers": "3", "\u017f": "4", "s": "5"}
    document |= {"annotations": notes, "extension": {"Layers": [{"Digest": 1}]}}
    document["layers"][0]["annotations"] = notes
    assert put(stocked, NAME, json.dumps(document).encode(), "v1").status_code == 201
    document = sample_index() | {"annotations": notes}
    document["manifests"][0]["annotations"] = notes
    assert put(stocked, NAME, json.dumps(document).encode(), "v2").status_code == 201


IMAGE = {
    "architecture": "amd64",
    "os": "linux",
    "config": {"Labels": {"A": "1", "a": "2"}, "Volumes": {"/Data": {}, "/data": {}}, "ExposedPorts": {"1/tcp": {}}},
    "rootfs": {"type": "layers", "diff_ids": []},
    "history": [{"created_by": "sh"}],
}
CHART = {"name": "app", "version": "1", "apiVersion": "v2", "annotations": {"A": "1", "a": "2"}}


def _image_of(config: Document | bytes, kind: str = OCI_CONFIG) -> tuple[bytes, bytes]:
    content = config if isinstance(config, bytes) else json.dumps(config).encode()
    document = json.loads(image(LAYER, config=content))
    document["config"]["mediaType"] = kind
    return content, json.dumps(document).encode()


@pytest.mark.parametrize(
    ("config", "kind", "place"),
    [
        (IMAGE | {"Architecture": "arm64"}, OCI_CONFIG, "Architecture"),
        (IMAGE | {"o\u017f": "windows"}, OCI_CONFIG, "o\u017f"),
        (IMAGE | {"config": {"user": "root"}}, OCI_CONFIG, "config.user"),
        (IMAGE | {"config": {"Healthcheck": {"test": []}}}, OCI_CONFIG, "config.Healthcheck.test"),
        (IMAGE | {"rootfs": {"diff_ids": [], "Diff_IDs": []}}, OCI_CONFIG, "rootfs.Diff_IDs"),
        (IMAGE | {"history": [{}, {"Empty_Layer": True}]}, OCI_CONFIG, "history[1].Empty_Layer"),
        (b'{"os": "linux", "os": "windows"}', OCI_CONFIG, "os"),
        (CHART | {"Version": "2"}, HELM_CONFIG, "Version"),
        (CHART | {"dependencies": [{"Name": "x"}]}, HELM_CONFIG, "dependencies[0].Name"),
    ],
)
def test_a_config_that_readers_differ_on(
    stocked: httpx.Client, config: Document | bytes, kind: str, place: str
) -> None:
    content, manifest = _image_of(config, kind)
    push(stocked, NAME, content)
    refused_at(put(stocked, NAME, manifest, "v1"), f"content of config.{place}")


LENIENT = {
    "half a surrogate": b'"x": "\\ud800", ',
    "invalid UTF-8": b'"x": "\xff", ',
    "a number of 5,000 digits": b'"x": ' + b"1" * 5000 + b", ",
    "a number beyond floats": b'"x": 1e999, ',
}
"""What Go's decoder takes and strict ones do not."""


@pytest.mark.parametrize("oddity", LENIENT.values(), ids=LENIENT)
def test_what_only_lenient_readers_take_for_json(stocked: httpx.Client, oddity: bytes) -> None:
    config = b"{" + oddity + b'"os": "linux", "architecture": "amd64", "Architecture": "arm64"}'
    content, manifest = _image_of(config)
    push(stocked, NAME, content)
    refused_at(put(stocked, NAME, manifest, "v1"), "content of config.Architecture")
    content, manifest = _image_of(b"{" + oddity + b'"os": "linux", "os": "windows"} and more')
    push(stocked, NAME, content)
    refused_at(put(stocked, NAME, manifest, "v1"), "content of config.os")
    content, manifest = _image_of(b"{" + oddity + b'"os": "linux", "architecture": "amd64"}')
    push(stocked, NAME, content)
    assert put(stocked, NAME, manifest, "v1").status_code == 201
    payload = b"{" + oddity + json.dumps(SIGNED | {"Critical": {}}).encode()[1:]
    push(stocked, NAME, payload)
    manifest = image(layers=[descriptor(payload, COSIGN_SIMPLE_SIGNING)])
    refused_at(put(stocked, NAME, manifest, "v1"), f"content of layer {descriptor(payload)['digest']}.Critical")


def test_a_config_too_deep_to_look_into(stocked: httpx.Client) -> None:
    config = b'{"x": ' + b"[" * 5000 + b"]" * 5000 + b', "os": "linux", "OS": "windows"}'
    content, manifest = _image_of(config)
    push(stocked, NAME, content)
    answer = put(stocked, NAME, manifest, "v1")
    assert code_of(answer) == (400, "MANIFEST_INVALID")
    assert "content of config is nested too deeply" in answer.text


@pytest.mark.parametrize(("config", "kind"), [(IMAGE, OCI_CONFIG), (CHART, HELM_CONFIG)])
def test_maps_of_a_config_hold_names_that_differ_in_case(stocked: httpx.Client, config: Document, kind: str) -> None:
    content, manifest = _image_of(config, kind)
    push(stocked, NAME, content)
    assert put(stocked, NAME, manifest, "v1").status_code == 201


SIGNED = {"critical": {"image": {"docker-manifest-digest": "sha256:1"}, "type": "x"}, "optional": {"A": 1, "a": 2}}


def _encoded(document: Document) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("payload", "kind", "place"),
    [
        (SIGNED, COSIGN_SIMPLE_SIGNING, None),
        (SIGNED | {"Critical": {}}, COSIGN_SIMPLE_SIGNING, "Critical"),
        (
            SIGNED | {"critical": {"image": {"Docker-Manifest-Digest": ""}}},
            COSIGN_SIMPLE_SIGNING,
            "critical.image.Docker-Manifest-Digest",
        ),
        ({"payload": _encoded({"targetArtifact": descriptor(EMPTY)}), "protected": ""}, NOTATION_JWS, None),
        ({"payload": "", "Payload": ""}, NOTATION_JWS, "Payload"),
        (
            {"payload": _encoded({"targetArtifact": descriptor(EMPTY, Digest="")})},
            NOTATION_JWS,
            "payload.targetArtifact.Digest",
        ),
    ],
)
def test_the_payload_of_a_signature(stocked: httpx.Client, payload: Document, kind: str, place: str | None) -> None:
    content = json.dumps(payload).encode()
    push(stocked, NAME, content)
    manifest = image(layers=[descriptor(LAYER), descriptor(content, kind)])
    answer = put(stocked, NAME, manifest, "v1")
    if place is None:
        assert answer.status_code == 201, answer.text
    else:
        refused_at(answer, f"content of layer {descriptor(content)['digest']}.{place}")


def test_a_document_as_deep_and_as_wide_as_can_be_is_answered_soon(stocked: httpx.Client) -> None:
    deep = json.dumps(sample_manifest())[:-1] + ', "x": ' + '{"a":' * 900 + "1" + "}" * 901
    assert put(stocked, NAME, deep.encode(), "deep", OCI_MANIFEST).status_code in (201, 400)
    wide = sample_manifest() | {
        "x": [{"a": number} for number in range(100_000)],
        "y": {str(each): 1 for each in range(9999)},
    }
    assert put(stocked, NAME, json.dumps(wide).encode(), "wide").status_code == 201
