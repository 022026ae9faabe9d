"""A manifest that is pushed again: what has come since is kept for it, and what it is stays what it was checked as."""

import json
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Artifact, ArtifactBlob, ArtifactChild
from app.context import Context
from app.core.media_types import DOCKER_MANIFEST
from tests.support.blobs import content_of, digest_of, push
from tests.support.contents import code_of, count, counters, pull
from tests.support.manifests import CONFIG, OCI_INDEX, OCI_MANIFEST, descriptor, image, index, push_image, put

NAME = "library-test/app"
UNKNOWN = "application/vnd.example.thing.v1+json"
FOREIGN = (
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
)
LAYER = content_of(5000)


def _untyped(manifest: bytes) -> bytes:
    document: dict[str, Any] = json.loads(manifest)
    del document["mediaType"]
    return json.dumps(document).encode()


def _delete(client: httpx.Client, content: bytes) -> int:
    return client.delete(f"/v2/{NAME}/blobs/{digest_of(content)}").status_code


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_layer_that_need_not_be_there_is_kept_where_it_is(pusher: httpx.Client, ctx: Context, kind: str) -> None:
    push(pusher, NAME, CONFIG)
    push(pusher, NAME, LAYER)
    assert put(pusher, NAME, image(layers=[descriptor(LAYER, kind)]), "v1").status_code == 201
    assert _delete(pusher, LAYER) == 403
    assert count(ctx, ArtifactBlob) == 2


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_layer_that_comes_later_is_kept_from_the_next_push_on(pusher: httpx.Client, ctx: Context, kind: str) -> None:
    push(pusher, NAME, CONFIG)
    manifest = image(layers=[descriptor(LAYER, kind)])
    assert put(pusher, NAME, manifest, "v1").status_code == 201
    stored = counters(ctx)[0]
    push(pusher, NAME, LAYER)
    for _ in range(2):
        assert put(pusher, NAME, manifest, "v1").status_code == 201
        assert _delete(pusher, LAYER) == 403
    assert counters(ctx)[0] == stored + len(LAYER)
    sizes = ctx.ports.db.rows(sa.select(Artifact.size), {})
    assert [row.size for row in sizes] == [len(manifest) + len(CONFIG) + len(LAYER)]


def test_a_layer_that_is_named_twice_is_required_once(pusher: httpx.Client) -> None:
    push(pusher, NAME, CONFIG)
    manifest = image(layers=[descriptor(LAYER, FOREIGN[0]), descriptor(LAYER)])
    assert code_of(put(pusher, NAME, manifest, "v1")) == (400, "MANIFEST_BLOB_UNKNOWN")


def test_a_document_of_an_unknown_type_refers_to_what_has_come(pusher: httpx.Client, ctx: Context) -> None:
    document = _untyped(image(LAYER))
    assert put(pusher, NAME, document, "v1", UNKNOWN).status_code == 201
    push(pusher, NAME, CONFIG)
    push(pusher, NAME, LAYER)
    assert put(pusher, NAME, document, "v1", UNKNOWN).status_code == 201
    assert (_delete(pusher, LAYER), _delete(pusher, CONFIG)) == (403, 403)
    child = push_image(pusher, NAME, "child")
    listing = json.dumps({"manifests": [descriptor(b"absent", OCI_MANIFEST), descriptor(child, OCI_MANIFEST)]}).encode()
    assert put(pusher, NAME, listing, "all", UNKNOWN).status_code == 201
    other = push_image(pusher, NAME, "other", seed=1)
    both = json.dumps({"manifests": [descriptor(each, OCI_MANIFEST) for each in (other, child)]}).encode()
    assert put(pusher, NAME, both, "both", UNKNOWN).status_code == 201
    assert put(pusher, NAME, both, "both", UNKNOWN).status_code == 201
    assert count(ctx, ArtifactChild) == 3


def test_children_that_come_later(pusher: httpx.Client, ctx: Context) -> None:
    first, second = image(content_of(64, 1)), image(content_of(64, 2))
    listing = json.dumps({"manifests": [descriptor(each, OCI_MANIFEST) for each in (first, second)]}).encode()
    push(pusher, NAME, CONFIG)
    for number, child in ((2, second), (1, first)):
        push(pusher, NAME, content_of(64, number))
        assert put(pusher, NAME, child).status_code == 201
        assert put(pusher, NAME, listing, "all", UNKNOWN).status_code == 201
    rows = ctx.ports.db.rows(
        sa.select(Artifact.digest)
        .join(ArtifactChild, ArtifactChild.child_id == Artifact.id)
        .order_by(ArtifactChild.position),
        {},
    )
    assert [row.digest for row in rows] == [digest_of(first), digest_of(second)]
    deleted = pusher.delete(f"/v2/{NAME}/manifests/{digest_of(first)}")
    assert code_of(deleted) == (403, "DENIED")


@pytest.mark.parametrize(
    ("first", "second"), [(UNKNOWN, OCI_MANIFEST), (OCI_MANIFEST, UNKNOWN), (OCI_MANIFEST, DOCKER_MANIFEST)]
)
def test_a_document_is_of_one_type_in_a_repository(pusher: httpx.Client, first: str, second: str) -> None:
    push(pusher, NAME, CONFIG)
    push(pusher, NAME, LAYER)
    document = _untyped(image(LAYER))
    assert put(pusher, NAME, document, "v1", first).status_code == 201
    answer = put(pusher, NAME, document, "v2", second)
    assert code_of(answer) == (400, "MANIFEST_INVALID")
    assert answer.json()["errors"][0]["detail"] == {"mediaType": first}
    assert (pull(pusher, "v1").headers["Content-Type"], pull(pusher, "v2").status_code) == (first, 404)
    assert pusher.delete(f"/v2/{NAME}/manifests/{digest_of(document)}").status_code == 202
    assert put(pusher, NAME, document, "v2", second).status_code == 201


def test_an_image_is_not_there_because_another_document_has_its_digest(pusher: httpx.Client) -> None:
    document = _untyped(image(LAYER))
    assert put(pusher, NAME, document, None, UNKNOWN).status_code == 201
    assert code_of(put(pusher, NAME, document, "v1", OCI_MANIFEST)) == (400, "MANIFEST_INVALID")


def test_an_index_says_of_its_children_what_they_are(pusher: httpx.Client) -> None:
    push(pusher, NAME, CONFIG)
    push(pusher, NAME, LAYER)
    document = _untyped(image(LAYER))
    assert put(pusher, NAME, document, None, UNKNOWN).status_code == 201
    answer = put(pusher, NAME, index(document), "all")
    assert code_of(answer) == (400, "MANIFEST_INVALID")
    assert "manifests[0].mediaType" in answer.json()["errors"][0]["message"]
    for said in ({"mediaType": UNKNOWN}, {"mediaType": ""}):
        entry = descriptor(document) | said
        listing = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
        assert put(pusher, NAME, listing, "all").status_code == 201
