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


def of_layers(registry: httpx.Client, name: str, tag: str | None, *layers: bytes) -> bytes:
    for content in (CONFIG, *layers):
        push(registry, name, content)
    manifest = image(*layers)
    push_manifest(registry, name, manifest, tag)
    return manifest


def fresh(registry: httpx.Client, name: str, number: int, tag: str | None = None) -> bytes:
    push(registry, name, EMPTY)
    manifest = artifact(annotations={"n": str(number)})
    push_manifest(registry, name, manifest, tag)
    return manifest


def nothing(registry: httpx.Client) -> int:
    push_image(registry, A, "kept")
    return 0


def untagged_images_that_share_layers(registry: httpx.Client) -> int:
    shared, own, other = (content_of(100, seed) for seed in range(3))
    of_layers(registry, A, None, shared, own)
    of_layers(registry, A, None, shared, other)
    return 2


def untagged_that_share_with_a_tagged_one(registry: httpx.Client) -> int:
    shared, own = content_of(100), content_of(200, 1)
    of_layers(registry, A, "kept", shared)
    of_layers(registry, A, None, shared, own)
    return 1


def an_index_and_its_children(registry: httpx.Client) -> int:
    children = [push_image(registry, A, seed=seed) for seed in (1, 2)]
    push_manifest(registry, A, index(*children))
    return 3


def indexes_in_indexes_of_which_a_child_is_tagged(registry: httpx.Client) -> int:
    first, second = push_image(registry, A, "kept", seed=1), push_image(registry, A, seed=2)
    inner = index(first, second)
    push_manifest(registry, A, inner)
    push_manifest(registry, A, index(inner, second))
    return 3


def a_child_of_two_indexes_of_which_one_stays(registry: httpx.Client) -> int:
    child, other = push_image(registry, A, seed=1), push_image(registry, A, seed=2)
    push_manifest(registry, A, index(child, other))
    push_manifest(registry, A, index(child), "kept")
    return 2


def accessories_of_accessories(registry: httpx.Client) -> int:
    subject = push_image(registry, A)
    push(registry, A, EMPTY)
    signature = artifact(subject)
    push_manifest(registry, A, signature)
    push_manifest(registry, A, artifact(signature))
    return 3


def signatures_by_tags(registry: httpx.Client) -> int:
    first, second = push_image(registry, A, seed=1), push_image(registry, A, seed=2)
    signature = fresh(registry, A, 1, f"{stem(first)}.sig")
    push_manifest(registry, A, signature, f"{stem(second)}.att")
    fresh(registry, A, 2, f"{stem(signature)}.sig")
    return 4


def a_signature_with_a_name_of_its_own(registry: httpx.Client) -> int:
    first = push_image(registry, A, seed=1)
    signature = fresh(registry, A, 1, f"{stem(first)}.sig")
    push_manifest(registry, A, signature, "kept")
    return 1


def an_accessory_that_a_doomed_index_lists(registry: httpx.Client) -> int:
    subject = push_image(registry, A)
    push(registry, A, EMPTY)
    signature = artifact(subject)
    push_manifest(registry, A, signature)
    push_manifest(registry, A, index(signature))
    return 3


def an_accessory_that_a_kept_index_lists(registry: httpx.Client) -> int:
    subject = push_image(registry, A)
    push(registry, A, EMPTY)
    signature = artifact(subject)
    push_manifest(registry, A, signature)
    push_manifest(registry, A, index(signature), "kept")
    return 1


def indexes_that_sign_each_others_children(registry: httpx.Client) -> int:
    """Nothing of it goes, as each waits for another."""
    first, second = fresh(registry, A, 1), fresh(registry, A, 2)
    push_manifest(registry, A, index(first), stem(second))
    push_manifest(registry, A, index(second), stem(first))
    return 0


def groups_that_list_each_others_members(registry: httpx.Client) -> int:
    """Of two subjects, each has an accessory that lists one of the other's, so that neither group can go first."""
    one, two = push_image(registry, A, seed=1), push_image(registry, A, seed=2)
    of_one, of_two = fresh(registry, A, 1, f"{stem(one)}.sig"), fresh(registry, A, 2, f"{stem(two)}.sig")
    push_manifest(registry, A, index(of_two), stem(one))
    push_manifest(registry, A, index(of_one), stem(two))
    return 6


def an_early_referrer(registry: httpx.Client) -> int:
    push(registry, A, EMPTY)
    push_manifest(registry, A, artifact(b"{}"))
    return 0


def mounts_between_projects(registry: httpx.Client) -> int:
    layer = content_of(300)
    of_layers(registry, A, None, layer)
    for name in (B, C):
        push(registry, name, CONFIG)
        answer = registry.post(f"/v2/{name}/blobs/uploads/", params={"mount": digest_of(layer), "from": A})
        assert answer.status_code == 201
    push_manifest(registry, C, image(layer))
    return 2


def mounts_of_which_one_is_tagged(registry: httpx.Client) -> int:
    layer = content_of(300)
    of_layers(registry, A, None, layer)
    of_layers(registry, C, "kept", layer)
    return 1


def deleted_images_and_repositories(registry: httpx.Client) -> int:
    gone = push_image(registry, A, "old", seed=1)
    assert registry.delete(f"/v2/{A}/manifests/{digest_of(gone)}").status_code == 202
    of_layers(registry, B, None, content_of(64, 1000))
    push(registry, C, content_of(64, 1000))
    return 1


def large_and_small_objects(registry: httpx.Client) -> int:
    large = content_of(1_100_000)
    of_layers(registry, A, None, large, b"small")
    push(registry, A, content_of(1_200_000, 1))
    push(registry, A, b"nothing refers to this")
    return 1


def one_manifest_with_a_blob_as_config_and_layer(registry: httpx.Client) -> int:
    of_layers(registry, A, None, CONFIG, CONFIG)
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
