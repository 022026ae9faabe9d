"""Deleting manifests and tags: what goes, what stays, what is queued and charged."""

import httpx

from app.artifacts.models import ArtifactBlob, ProjectBlob, RepositoryBlob, Tag
from app.context import Context
from app.db import gate
from app.storage.models import ZeroReference
from tests.support.blobs import content_of, digest_of, push
from tests.support.contents import code_of, count, counters, pull
from tests.support.manifests import (
    CONFIG,
    image,
    index,
    push_image,
    push_manifest,
    put,
)

NAME = "library-test/app"
OTHER = "library-test/other"


def test_delete_by_tag_leaves_the_manifest(pusher: httpx.Client) -> None:
    manifest = push_image(pusher, NAME, "v1")
    put(pusher, NAME, manifest, "v2")
    assert pusher.delete(f"/v2/{NAME}/manifests/v1").status_code == 202
    assert code_of(pull(pusher, "v1")) == (404, "MANIFEST_UNKNOWN")
    assert pull(pusher, "v2").status_code == 200
    assert pull(pusher, digest_of(manifest)).status_code == 200
    assert code_of(pusher.delete(f"/v2/{NAME}/manifests/v1")) == (404, "MANIFEST_UNKNOWN")


def test_delete_by_digest_takes_the_tags_and_queues_the_blobs(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    digest = digest_of(manifest)
    assert pusher.delete(f"/v2/{NAME}/manifests/{digest}").status_code == 202
    for reference in ("v1", digest):
        assert code_of(pull(pusher, reference)) == (404, "MANIFEST_UNKNOWN")
    assert code_of(pusher.delete(f"/v2/{NAME}/manifests/{digest}")) == (404, "MANIFEST_UNKNOWN")
    assert pusher.get(f"/v2/{NAME}/tags/list").json() == {"name": NAME, "tags": []}
    assert (count(ctx, Tag), count(ctx, ArtifactBlob), count(ctx, ProjectBlob)) == (0, 0, 0)
    assert (count(ctx, RepositoryBlob), count(ctx, ZeroReference)) == (2, 2)
    assert counters(ctx) == (0, 1)


def test_shared_blobs_stay_charged_and_out_of_the_queue(pusher: httpx.Client, ctx: Context) -> None:
    layer, shared = content_of(70), content_of(80, 1)
    for content in (CONFIG, layer, shared):
        push(pusher, NAME, content)
    one, two = image(layer, shared), image(shared)
    push_manifest(pusher, NAME, one, "one")
    push_manifest(pusher, NAME, two, "two")
    pusher.delete(f"/v2/{NAME}/manifests/{digest_of(one)}")
    assert count(ctx, ZeroReference) == 1
    assert counters(ctx)[0] == len(CONFIG) + len(shared) + len(two)


def test_a_manifest_that_is_pushed_again_leaves_the_queue_and_is_charged(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    before = counters(ctx)
    pusher.delete(f"/v2/{NAME}/manifests/{digest_of(manifest)}")
    push_manifest(pusher, NAME, manifest, "v1")
    assert counters(ctx) == before
    assert count(ctx, ZeroReference) == 0


def test_a_child_of_an_index_cannot_go_before_it(pusher: httpx.Client) -> None:
    child = push_image(pusher, NAME)
    parent = index(child)
    push_manifest(pusher, NAME, parent, "all")
    answer = pusher.delete(f"/v2/{NAME}/manifests/{digest_of(child)}")
    assert code_of(answer) == (403, "DENIED")
    assert answer.json()["errors"][0]["detail"] == {"indexes": [digest_of(parent)]}
    assert pusher.delete(f"/v2/{NAME}/manifests/{digest_of(parent)}").status_code == 202
    assert pull(pusher, digest_of(child)).status_code == 200
    assert pusher.delete(f"/v2/{NAME}/manifests/{digest_of(child)}").status_code == 202


def test_read_only_refuses_changes_and_lets_pulls_through(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    with ctx.write() as session:
        gate.switch(session, on=True)
    assert code_of(put(pusher, NAME, manifest, "v2")) == (403, "DENIED")
    assert code_of(pusher.delete(f"/v2/{NAME}/manifests/v1")) == (403, "DENIED")
    assert pull(pusher, "v1").status_code == 200


def test_two_repositories_of_a_project_are_charged_once_for_a_blob(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    once = counters(ctx)[0]
    push_image(pusher, OTHER, "v1")
    assert counters(ctx) == (once + len(manifest), 2)
