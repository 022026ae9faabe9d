"""Harbor's types of artifacts and accessories, and the facts that are kept of configs."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.media_types import DOCKER_LIST, HELM_CONFIG, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from app.oci.artifact_types import accessory_kind, artifact_kind
from app.oci.documents import storable
from app.oci.image_config import config_facts_or_none, shown_config_or_none, whole_config_or_none
from app.oci.limits import CONFIG_BYTES
from app.oci.manifests import parse_manifest
from tests.support.manifests import artifact, image, index

SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"


def with_config(media_type: str) -> bytes:
    document = json.loads(image())
    document["config"]["mediaType"] = media_type
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (image(), "IMAGE"),
        (index(), "IMAGE"),
        (index(mediaType=DOCKER_LIST), "IMAGE"),
        (index(annotations={"org.opencontainers.artifactType": "application/vnd.cnab.manifest.v1"}), "CNAB"),
        (image(annotations={"module.wasm.image/variant": "compat"}), "WASM"),
        (with_config(HELM_CONFIG), "CHART"),
        (with_config("application/vnd.wasm.config.v1+json"), "WASM"),
        (image(annotations={"module.wasm.image/variant": "other"}), "IMAGE"),
        (image(annotations={"run.oci.handler": "wasm"}), "WASM"),
        (with_config("application/vnd.acme.rocket.config.v1+json"), "ROCKET"),
        (with_config("application/vnd.acme.rocket.stage.config.v1+json"), "ROCKET.STAGE"),
        (with_config("application/vnd.acme.rocket"), "UNKNOWN"),
        (with_config("application/vnd.acme." + "x" * 70 + ".config.v1+json"), "UNKNOWN"),
        (artifact(artifact_type="application/vnd.goharbor.harbor.sbom.v1"), "SBOM"),
        (artifact(artifact_type="application/vnd.cncf.model.manifest.v1+json"), "CNAI"),
        (artifact(artifact_type="application/vnd.cnai.model.manifest.v1+json"), "CNAI"),
        (artifact(), "UNKNOWN"),
    ],
)
def test_artifact_types(body: bytes, expected: str) -> None:
    assert artifact_kind(parse_manifest(body, None)) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (artifact(b"x", "application/vnd.cncf.notary.signature"), "signature.notation"),
        (artifact(b"x", "application/vnd.dev.sigstore.bundle.v0.3+json"), "signature.cosign"),
        (
            artifact(b"x", layers=[{"mediaType": SIMPLE_SIGNING, "digest": "sha256:" + "a" * 64, "size": 1}]),
            "signature.cosign",
        ),
        (artifact(b"x", "application/vnd.goharbor.harbor.sbom.v1"), "sbom.harbor"),
        (artifact(b"x"), "subject.accessory"),
    ],
)
def test_accessory_types(body: bytes, expected: str) -> None:
    assert accessory_kind(parse_manifest(body, None)) == expected


def test_facts_of_an_image() -> None:
    content = b'{"architecture":"arm64","os":"linux","history":[{}],"rootfs":{},"config":{"Env":["A=1"]},"author":null}'
    assert config_facts_or_none(OCI_CONFIG, content) == {
        "architecture": "arm64",
        "os": "linux",
        "config": {"Env": ["A=1"]},
    }


def test_facts_of_a_chart_are_all_of_it() -> None:
    assert config_facts_or_none(HELM_CONFIG, b'{"name":"app","version":"1.0"}') == {"name": "app", "version": "1.0"}


@pytest.mark.parametrize("content", [b"", b"[]", b"x", b"{}" + b" " * CONFIG_BYTES])
def test_no_facts_of_garbage(content: bytes) -> None:
    assert config_facts_or_none(OCI_CONFIG, content) is None


def test_no_facts_of_other_types() -> None:
    assert config_facts_or_none(OCI_EMPTY, b"{}") is None
    assert config_facts_or_none(OCI_MANIFEST, b"{}") is None
    assert config_facts_or_none(OCI_INDEX, b"{}") is None


def test_facts_that_are_too_large_are_left_out() -> None:
    content = json.dumps({"os": "linux", "config": {"x": "y" * 300_000}}).encode()
    assert config_facts_or_none(OCI_CONFIG, content) == {"os": "linux"}


def test_a_config_of_any_type_is_shown_or_has_no_facts() -> None:
    rocket = "application/vnd.acme.rocket.config.v1+json"
    assert shown_config_or_none(rocket, b'{"fuel":{"kind":"solid","Kind":1},"none":null}') == {
        "fuel": {"kind": "solid", "Kind": 1}
    }
    deep = b'{"a":' * 40 + b"1" + b"}" * 40
    bombs = (b"", b"[]", b'{"a":1,"a":2}', b'{"a":' * 5000 + b"1" + b"}" * 5000, b"{}" + b" " * CONFIG_BYTES)
    assert [shown_config_or_none(rocket, bomb) for bomb in bombs] == [None] * len(bombs)
    assert [whole_config_or_none(rocket, bomb) for bomb in bombs] == [None] * len(bombs)
    assert "null" in json.dumps(whole_config_or_none(rocket, deep))
    many = b'{"a":[' + b"1," * 300_000 + b"1]}"
    assert whole_config_or_none(rocket, many) is None


def test_labels_that_differ_in_case_are_read() -> None:
    labelled = b'{"config":{"Labels":{"a":"1","A":"2"}}}'
    assert whole_config_or_none(OCI_CONFIG, labelled) == json.loads(labelled)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text() | st.integers(-(2**63), 2**63 - 1),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_storable_can_be_stored(value: object) -> None:
    text = json.dumps(storable(value))
    assert "\\u0000" not in text
    assert "NaN" not in text or "NaN" in str(value)
    orjson.loads(text.encode())
