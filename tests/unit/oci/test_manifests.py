"""Manifests and indexes: what is accepted, what is refused, and that nothing else happens whatever comes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import ManifestInvalid
from app.core.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from app.oci.limits import MANIFEST_BYTES, SIZE
from app.oci.manifests import Manifest, Shape, parse_manifest
from app.oci.referrers import referrer_descriptor

DIGEST = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
OTHER = "sha256:" + "a" * 64
BLAKE3 = "blake3:" + "b" * 64
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"


def entry(digest: object = DIGEST, media_type: str = OCI_EMPTY, size: object = 2, **extra: object) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest, "size": size, **extra}


def manifest(**changes: object) -> dict[str, Any]:
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": entry(), "layers": [entry(OTHER)]}
    return {name: value for name, value in {**document, **changes}.items() if value != "absent"}


def index(**changes: object) -> dict[str, Any]:
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry(media_type=OCI_MANIFEST)]}
    return {name: value for name, value in {**document, **changes}.items() if value != "absent"}


def parse(document: object, content_type: str | None = None) -> Manifest:
    return parse_manifest(json.dumps(document).encode(), content_type)


def test_an_image_manifest() -> None:
    parsed = parse(manifest(), OCI_MANIFEST)
    assert (parsed.shape, parsed.media_type, parsed.config_type) == (Shape.MANIFEST, OCI_MANIFEST, OCI_EMPTY)
    assert [each.digest for each in parsed.named] == [DIGEST, OTHER]


@pytest.mark.parametrize(
    "changes",
    [
        {"layers": []},
        {"layers": None},
        {"layers": "absent"},
        {"mediaType": "absent"},
        {"config": entry(data="e30=")},
        {"unknown": {"field": [1]}},
        {"subject": entry(OTHER)},
        {"subject": entry(BLAKE3)},
        {"layers": [entry(BLAKE3)]},
        {"layers": [entry(OTHER), entry(OTHER)]},
        {"layers": [entry(OTHER, urls=["https://example.test"])]},
        {"annotations": {"a": "b"}},
        {"annotations": None},
        {"artifactType": "application/vnd.test"},
        {"config": entry(size=SIZE)},
        {"config": entry(size=0)},
    ],
)
def test_manifests_that_are_accepted(changes: dict[str, Any]) -> None:
    for kind in (OCI_MANIFEST, f"{OCI_MANIFEST}; charset=utf-8"):
        assert parse(manifest(**changes), kind).shape is Shape.MANIFEST


@pytest.mark.parametrize(
    "changes",
    [
        {"manifests": []},
        {"manifests": None},
        {"manifests": [entry(media_type=OCI_INDEX)]},
        {"manifests": [entry(platform={"os": "unknown", "architecture": "unknown"})]},
        {"manifests": [entry(media_type="application/vnd.buildkit.cacheconfig.v0")]},
        {"manifests": [entry(), entry()]},
        {"subject": entry(OTHER)},
        {"config": None},
    ],
)
def test_indexes_that_are_accepted(changes: dict[str, Any]) -> None:
    assert parse(index(**changes), OCI_INDEX).shape is Shape.INDEX


@pytest.mark.parametrize(
    "document",
    [
        manifest(mediaType=DOCKER_MANIFEST),
        manifest(mediaType=7),
        manifest(manifests=[]),
        manifest(fsLayers=[]),
        manifest(schemaVersion=1),
        manifest(schemaVersion="2"),
        manifest(schemaVersion=2.0),
        manifest(schemaVersion=True),
        manifest(schemaVersion="absent"),
        manifest(config="absent"),
        manifest(config=[]),
        manifest(config={}),
        manifest(config=entry(digest="sha256:ABC")),
        manifest(config=entry(digest=None)),
        manifest(config=entry(digest="x" * 200 + ":" + "y" * 200)),
        manifest(config=entry(size=-1)),
        manifest(config=entry(size=SIZE + 1)),
        manifest(config=entry(size=10**40)),
        manifest(config=entry(size=1.5)),
        manifest(config=entry(size=True)),
        manifest(config=entry(size="absent")),
        manifest(config=entry(media_type="a/" + "b" * 300)),
        manifest(config=entry(media_type="a/b\n")),
        manifest(layers={}),
        manifest(layers=[None]),
        manifest(layers=["x"]),
        manifest(annotations={"a": 1}),
        manifest(annotations=[]),
        manifest(subject="x"),
        manifest(artifactType=1),
        index(),
        [],
        None,
        "text",
        1,
    ],
)
def test_what_is_refused_as_a_manifest(document: object) -> None:
    with pytest.raises(ManifestInvalid):
        parse(document, OCI_MANIFEST)


@pytest.mark.parametrize(
    "document",
    [
        index(config=entry()),
        index(layers=[]),
        index(fsLayers=[]),
        index(manifests="absent"),
        index(manifests="absent", layers=[], config=entry()),
        index(manifests={}),
        index(schemaVersion=1),
    ],
)
def test_what_is_refused_as_an_index(document: object) -> None:
    with pytest.raises(ManifestInvalid):
        parse(document, OCI_INDEX)


@pytest.mark.parametrize("kind", [OCI_MANIFEST, "application/vnd.example+json"])
@pytest.mark.parametrize("other", ["config", "layers", "fsLayers"])
def test_manifests_beside_layers_are_confusion_in_any_type(kind: str, other: str) -> None:
    with pytest.raises(ManifestInvalid):
        parse({"schemaVersion": 2, "manifests": [], other: {} if other == "config" else []}, kind)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"a":' * 990 + b"1" + b"}" * 990,
        b'{"a":"\\ud800"}',
        b'{"schemaVersion":2,"schemaVersion":2}',
        b'{"schemaVersion":1e999}',
        b"{}" + b" " * MANIFEST_BYTES,
    ],
)
def test_bodies_that_are_no_manifest(body: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        parse_manifest(body, OCI_MANIFEST)


@pytest.mark.parametrize(
    ("written", "sent", "expected"),
    [
        (OCI_MANIFEST, None, OCI_MANIFEST),
        (OCI_MANIFEST, "", OCI_MANIFEST),
        ("absent", DOCKER_MANIFEST, DOCKER_MANIFEST),
        (DOCKER_MANIFEST, f"{DOCKER_MANIFEST};charset=utf-8", DOCKER_MANIFEST),
    ],
)
def test_the_type_is_the_one_sent_or_written(written: str, sent: str | None, expected: str) -> None:
    assert parse(manifest(mediaType=written), sent).media_type == expected


@pytest.mark.parametrize("kind", ["", None, "json", "a/b c", "ä/b", "a/" + "b" * 300])
def test_a_document_without_a_type_is_refused(kind: str | None) -> None:
    with pytest.raises(ManifestInvalid):
        parse(manifest(mediaType="absent"), kind)


def test_a_docker_list_is_an_index() -> None:
    assert parse(index(mediaType=DOCKER_LIST), DOCKER_LIST).shape is Shape.INDEX


def test_an_unknown_type_names_what_it_names() -> None:
    document = {
        "artifactType": "application/vnd.test",
        "blobs": [entry(), {"broken": 1}],
        "layers": "no list",
        "annotations": {"a": 1},
        "subject": entry(OTHER),
    }
    parsed = parse(document, "application/vnd.oci.artifact.manifest.v1+json")
    assert (parsed.shape, sorted(parsed.required), [each.digest for each in parsed.entries]) == (
        Shape.OPAQUE,
        [],
        [DIGEST],
    )
    assert (parsed.artifact_type, parsed.annotations) == ("application/vnd.test", None)
    assert parsed.subject is not None


def test_foreign_layers_are_not_required() -> None:
    parsed = parse(manifest(layers=[entry(OTHER, FOREIGN)]))
    assert (list(parsed.required), parsed.optional) == ([DIGEST], True)
    assert parse(manifest(layers=[entry(OTHER, FOREIGN), entry(OTHER)])).required == frozenset({DIGEST, OTHER})


def test_artifact_type_is_the_field_or_the_configs() -> None:
    assert parse(manifest()).artifact_type == OCI_EMPTY
    assert parse(manifest(config=entry(media_type=OCI_CONFIG), artifactType="a/b")).artifact_type == "a/b"
    assert parse(index()).artifact_type == ""


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([DIGEST, OCI_MANIFEST]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
descriptors = st.fixed_dictionaries(
    {}, optional={"mediaType": values, "digest": values, "size": values, "annotations": values, "platform": values}
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "schemaVersion": st.just(2) | values,
        "mediaType": st.sampled_from([OCI_MANIFEST, OCI_INDEX]) | values,
        "config": descriptors | values,
        "layers": st.lists(descriptors, max_size=2) | values,
        "manifests": st.lists(descriptors, max_size=2) | values,
        "subject": descriptors | values,
        "artifactType": values,
        "annotations": values,
    },
)


@given(documents, st.sampled_from([OCI_MANIFEST, OCI_INDEX, "application/vnd.x+json", None, "?"]))
def test_any_document_is_accepted_or_refused_as_invalid(document: dict[str, Any], kind: str | None) -> None:
    try:
        parsed = parse(document, kind)
    except ManifestInvalid:
        return
    json.loads(referrer_descriptor(parsed, DIGEST, 2))


@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_refused_as_invalid(body: bytes) -> None:
    with pytest.raises(ManifestInvalid):
        parse_manifest(body, OCI_MANIFEST)
