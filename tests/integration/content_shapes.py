"""Content in many shapes, each with the number of manifests that a collection of untagged artifacts deletes of it."""

from collections.abc import Callable

import httpx

from tests.support.blobs import content_of, digest_of, push
from tests.support.manifests import CONFIG, EMPTY, artifact, image, index, push_image, push_manifest

A, B, C = "private/a", "private/b", "public/c"
Shape = Callable[[httpx.Client], int]
"""Pushes and deletes something; returns how many manifests a collection of untagged artifacts deletes."""


def stem(manifest: bytes) -> str:
    return digest_of(manifest).replace(":", "-")


def of_layers(docker: httpx.Client, name: str, tag: str | None, *layers: bytes) -> bytes:
    for content in (CONFIG, *layers):
        push(docker, name, content)
    manifest = image(*layers)
    push_manifest(docker, name, manifest, tag)
    return manifest


def fresh(docker: httpx.Client, name: str, number: int, tag: str | None = None) -> bytes:
    push(docker, name, EMPTY)
    manifest = artifact(annotations={"n": str(number)})
    push_manifest(docker, name, manifest, tag)
    return manifest


def nothing(docker: httpx.Client) -> int:
    push_image(docker, A, "kept")
    return 0


def untagged_images_that_share_layers(docker: httpx.Client) -> int:
    shared, own, other = (content_of(100, seed) for seed in range(3))
    of_layers(docker, A, None, shared, own)
    of_layers(docker, A, None, shared, other)
    return 2


def untagged_that_share_with_a_tagged_one(docker: httpx.Client) -> int:
    shared, own = content_of(100), content_of(200, 1)
    of_layers(docker, A, "kept", shared)
    of_layers(docker, A, None, shared, own)
    return 1


def an_index_and_its_children(docker: httpx.Client) -> int:
    children = [push_image(docker, A, seed=seed) for seed in (1, 2)]
    push_manifest(docker, A, index(*children))
    return 3


def indexes_in_indexes_of_which_a_child_is_tagged(docker: httpx.Client) -> int:
    first, second = push_image(docker, A, "kept", seed=1), push_image(docker, A, seed=2)
    inner = index(first, second)
    push_manifest(docker, A, inner)
    push_manifest(docker, A, index(inner, second))
    return 3


def a_child_of_two_indexes_of_which_one_stays(docker: httpx.Client) -> int:
    child, other = push_image(docker, A, seed=1), push_image(docker, A, seed=2)
    push_manifest(docker, A, index(child, other))
    push_manifest(docker, A, index(child), "kept")
    return 2


def accessories_of_accessories(docker: httpx.Client) -> int:
    subject = push_image(docker, A)
    push(docker, A, EMPTY)
    signature = artifact(subject)
    push_manifest(docker, A, signature)
    push_manifest(docker, A, artifact(signature))
    return 3


def signatures_by_tags(docker: httpx.Client) -> int:
    first, second = push_image(docker, A, seed=1), push_image(docker, A, seed=2)
    signature = fresh(docker, A, 1, f"{stem(first)}.sig")
    push_manifest(docker, A, signature, f"{stem(second)}.att")
    fresh(docker, A, 2, f"{stem(signature)}.sig")
    return 4


def a_signature_with_a_name_of_its_own(docker: httpx.Client) -> int:
    first = push_image(docker, A, seed=1)
    signature = fresh(docker, A, 1, f"{stem(first)}.sig")
    push_manifest(docker, A, signature, "kept")
    return 1


def an_accessory_that_a_doomed_index_lists(docker: httpx.Client) -> int:
    subject = push_image(docker, A)
    push(docker, A, EMPTY)
    signature = artifact(subject)
    push_manifest(docker, A, signature)
    push_manifest(docker, A, index(signature))
    return 3


def an_accessory_that_a_kept_index_lists(docker: httpx.Client) -> int:
    subject = push_image(docker, A)
    push(docker, A, EMPTY)
    signature = artifact(subject)
    push_manifest(docker, A, signature)
    push_manifest(docker, A, index(signature), "kept")
    return 1


def indexes_that_sign_each_others_children(docker: httpx.Client) -> int:
    """Nothing of it goes, as each waits for another."""
    first, second = fresh(docker, A, 1), fresh(docker, A, 2)
    push_manifest(docker, A, index(first), stem(second))
    push_manifest(docker, A, index(second), stem(first))
    return 0


def groups_that_list_each_others_members(docker: httpx.Client) -> int:
    """Of two subjects, each has an accessory that lists one of the other's, so that neither group can go first."""
    one, two = push_image(docker, A, seed=1), push_image(docker, A, seed=2)
    of_one, of_two = fresh(docker, A, 1, f"{stem(one)}.sig"), fresh(docker, A, 2, f"{stem(two)}.sig")
    push_manifest(docker, A, index(of_two), stem(one))
    push_manifest(docker, A, index(of_one), stem(two))
    return 6


def an_early_referrer(docker: httpx.Client) -> int:
    push(docker, A, EMPTY)
    push_manifest(docker, A, artifact(b"{}"))
    return 0


def mounts_between_projects(docker: httpx.Client) -> int:
    layer = content_of(300)
    of_layers(docker, A, None, layer)
    for name in (B, C):
        push(docker, name, CONFIG)
        answer = docker.post(f"/v2/{name}/blobs/uploads/", params={"mount": digest_of(layer), "from": A})
        assert answer.status_code == 201
    push_manifest(docker, C, image(layer))
    return 2


def mounts_of_which_one_is_tagged(docker: httpx.Client) -> int:
    layer = content_of(300)
    of_layers(docker, A, None, layer)
    of_layers(docker, C, "kept", layer)
    return 1


def deleted_images_and_repositories(docker: httpx.Client) -> int:
    gone = push_image(docker, A, "old", seed=1)
    assert docker.delete(f"/v2/{A}/manifests/{digest_of(gone)}").status_code == 202
    of_layers(docker, B, None, content_of(64, 1000))
    push(docker, C, content_of(64, 1000))
    return 1


def large_and_small_objects(docker: httpx.Client) -> int:
    large = content_of(1_100_000)
    of_layers(docker, A, None, large, b"small")
    push(docker, A, content_of(1_200_000, 1))
    push(docker, A, b"nothing refers to this")
    return 1


def one_manifest_with_a_blob_as_config_and_layer(docker: httpx.Client) -> int:
    of_layers(docker, A, None, CONFIG, CONFIG)
    return 1


SHAPES: list[Shape] = [
    nothing,
    untagged_images_that_share_layers,
    untagged_that_share_with_a_tagged_one,
    an_index_and_its_children,
    indexes_in_indexes_of_which_a_child_is_tagged,
    a_child_of_two_indexes_of_which_one_stays,
    accessories_of_accessories,
    signatures_by_tags,
    a_signature_with_a_name_of_its_own,
    an_accessory_that_a_doomed_index_lists,
    an_accessory_that_a_kept_index_lists,
    indexes_that_sign_each_others_children,
    groups_that_list_each_others_members,
    an_early_referrer,
    mounts_between_projects,
    mounts_of_which_one_is_tagged,
    deleted_images_and_repositories,
    large_and_small_objects,
    one_manifest_with_a_blob_as_config_and_layer,
]
