"""What a manifest may name: content of its repository, children of an index, foreign layers, unknown types."""

import json

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Artifact, ArtifactBlob
from app.context import Context
from app.oci.limits import MANIFEST_BYTES
from app.storage.models import ZeroReference
from tests.support import manifests
from tests.support.blobs import content_of, digest_of, push
from tests.support.contents import code_of, count, counters, pull
from tests.support.manifests import (
    CONFIG,
    EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    artifact,
    image,
    index,
    push_image,
    push_manifest,
    put,
)

NAME = "library-test/app"
OTHER = "library-test/other"


def test_missing_content_is_refused_and_nothing_stays(pusher: httpx.Client, ctx: Context) -> None:
    push(pusher, NAME, CONFIG)
    manifest = image(content_of(10))
    answer = put(pusher, NAME, manifest, "v1")
    assert code_of(answer) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json()["errors"][0]["detail"] == {"missing": [digest_of(content_of(10))]}
    assert pull(pusher, "v1").status_code == 404
    assert (count(ctx, Artifact), count(ctx, ArtifactBlob), counters(ctx)[1]) == (0, 0, 0)


def test_content_of_another_repository_does_not_count(pusher: httpx.Client) -> None:
    manifest = push_image(pusher, OTHER, "v1")
    assert code_of(put(pusher, NAME, manifest, "v1")) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
)
def test_foreign_layers_need_not_be_there(pusher: httpx.Client, kind: str) -> None:
    push(pusher, NAME, CONFIG)
    layers = [manifests.descriptor(b"elsewhere", kind, urls=["https://example.test/layer"])]
    assert put(pusher, NAME, image(layers=layers), "v1").status_code == 201


def test_the_same_layer_twice(pusher: httpx.Client) -> None:
    layer = content_of(32)
    push(pusher, NAME, CONFIG)
    push(pusher, NAME, layer)
    assert put(pusher, NAME, image(layer, layer), "v1").status_code == 201


def test_an_index_lists_manifests_twice_and_nested(pusher: httpx.Client) -> None:
    one, two = push_image(pusher, NAME), push_image(pusher, NAME, seed=1)
    inner = index(one, one, two)
    push_manifest(pusher, NAME, inner)
    outer = index(inner, one)
    push_manifest(pusher, NAME, outer, "all")
    assert pull(pusher, "all").content == outer
    assert pull(pusher, "all").headers["Content-Type"] == OCI_INDEX


def test_an_index_needs_its_children(pusher: httpx.Client) -> None:
    answer = put(pusher, NAME, index(image()), "all")
    assert code_of(answer) == (400, "MANIFEST_BLOB_UNKNOWN")


def test_indexes_nest_ten_deep_and_no_deeper(pusher: httpx.Client) -> None:
    manifest = push_image(pusher, NAME)
    for _ in range(10):
        manifest = index(manifest)
        push_manifest(pusher, NAME, manifest)
    assert code_of(put(pusher, NAME, index(manifest))) == (400, "MANIFEST_INVALID")


def test_a_build_cache_is_an_index_of_blobs(pusher: httpx.Client, ctx: Context) -> None:
    layer = content_of(50)
    push(pusher, NAME, layer)
    push(pusher, NAME, EMPTY)
    entries = [
        manifests.descriptor(layer),
        manifests.descriptor(EMPTY, "application/vnd.buildkit.cacheconfig.v0"),
    ]
    assert put(pusher, NAME, index(manifests=entries), "cache").status_code == 201
    assert (count(ctx, ArtifactBlob), count(ctx, ZeroReference)) == (2, 0)


def test_an_unknown_type_is_kept_with_what_it_names(pusher: httpx.Client, ctx: Context) -> None:
    push(pusher, NAME, EMPTY)
    body = json.dumps(
        {"anything": 1, "blobs": [manifests.descriptor(EMPTY), manifests.descriptor(b"missing")]}
    ).encode()
    kind = "application/vnd.example.manifest.v1+json"
    assert put(pusher, NAME, body, "odd", kind).status_code == 201
    assert pull(pusher, "odd").headers["Content-Type"] == kind
    assert (count(ctx, ArtifactBlob), count(ctx, ZeroReference)) == (1, 0)


def test_a_manifest_of_nearly_4_mib_is_taken_and_a_larger_one_is_413(pusher: httpx.Client) -> None:
    push(pusher, NAME, EMPTY)
    notes = {f"note{number}": "x" * 10_000 for number in range(390)}
    large = artifact(annotations=notes)
    assert push_manifest(pusher, NAME, large, "large") == digest_of(pull(pusher, "large").content)
    answer = put(pusher, NAME, artifact(annotations=notes) + b" " * MANIFEST_BYTES, "larger", OCI_MANIFEST)
    assert code_of(answer) == (413, "MANIFEST_INVALID")


def test_ten_thousand_layers_and_more(pusher: httpx.Client) -> None:
    push(pusher, NAME, CONFIG)
    layers = [{"mediaType": "a/b", "digest": f"sha256:{number:064x}", "size": 1} for number in range(33_000)]
    answer = put(pusher, NAME, image(layers=layers), "v1")
    assert code_of(answer) == (400, "MANIFEST_BLOB_UNKNOWN")


def test_facts_of_the_config_are_kept(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    with ctx.read() as session:
        row = session.execute(sa.select(Artifact)).scalar_one()
    assert row.kind == "IMAGE"
    assert row.extra_attrs == json.loads(CONFIG)
    assert row.size == len(manifest) + len(CONFIG) + 64
    assert (row.media_type, row.artifact_type) == ("application/vnd.oci.image.config.v1+json",) * 2


@pytest.mark.parametrize(
    "config", [b"", b"no json", b"[]", b'{"config":"\\u0000"}', b'{"os":' + b"[" * 500 + b"]" * 500 + b"}"]
)
def test_a_strange_config_is_no_obstacle(pusher: httpx.Client, config: bytes) -> None:
    push(pusher, NAME, config)
    assert put(pusher, NAME, image(config=config), "v1").status_code == 201
