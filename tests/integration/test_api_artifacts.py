"""Artifacts through the management API."""

import json

import httpx
import pytest

from app.context import Ports
from tests.integration.conftest import Caller
from tests.support.blobs import content_of, digest_of, push
from tests.support.manifests import (
    CONFIG,
    EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    artifact,
    descriptor,
    image,
    index,
    push_image,
    push_manifest,
    put,
)
from tests.support.queries import counted_statements

PLACE = "/projects/private/repositories/app/artifacts"
NAME = "private/app"


def digests(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [found["digest"] for found in response.json()]


def test_a_repository_that_does_not_exist_has_no_artifacts(admin: httpx.Client) -> None:
    answer = admin.get(PLACE)
    assert (answer.status_code, answer.json(), answer.headers["X-Total-Count"]) == (200, [], "0")


def test_an_image_is_shown(admin: httpx.Client, registry: httpx.Client) -> None:
    manifest = push_image(registry, NAME, "1", layers=2)
    (shown,) = admin.get(PLACE).json()
    assert shown == admin.get(f"{PLACE}/1").json() == admin.get(f"{PLACE}/{digest_of(manifest)}").json()
    (tag,) = shown["tags"]
    assert (tag["name"], tag["artifact_id"], tag["immutable"]) == ("1", shown["id"], False)
    assert tag["pull_time"] == shown["pull_time"] == "0001-01-01T00:00:00.000Z"
    assert shown["digest"] == digest_of(manifest)
    assert shown["size"] == len(manifest) + len(CONFIG) + 64 + 65
    assert shown["type"] == "IMAGE"
    assert shown["repository_name"] == NAME
    assert shown["extra_attrs"]["architecture"] == "amd64"
    assert (shown["references"], shown["labels"], shown["accessories"]) == (None, None, None)


def test_details_are_given_when_asked_for(admin: httpx.Client, registry: httpx.Client) -> None:
    subject = push_image(registry, NAME, "1")
    push(registry, NAME, EMPTY)
    attached = artifact(subject)
    push_manifest(registry, NAME, attached)
    (shown,) = admin.get(f"{PLACE}?with_tag=false&with_accessory=true").json()
    assert shown["tags"] is None
    (accessory,) = shown["accessories"]
    assert accessory["digest"] == digest_of(attached)
    assert accessory["subject_artifact_digest"] == shown["digest"]
    assert accessory["subject_artifact_id"] == shown["id"]
    assert accessory["subject_artifact_repo"] == NAME
    assert accessory["type"] == "subject.accessory"


def test_an_index_shows_its_entries_and_hides_them_from_the_list(admin: httpx.Client, registry: httpx.Client) -> None:
    child = push_image(registry, NAME)
    parent = index(child)
    push_manifest(registry, NAME, parent, "all")
    assert digests(admin.get(PLACE)) == [digest_of(parent)]
    assert sorted(digests(admin.get(f"{PLACE}?q=base%3D*"))) == sorted([digest_of(parent), digest_of(child)])
    (reference,) = admin.get(f"{PLACE}/all").json()["references"]
    assert reference["child_digest"] == digest_of(child)
    refused = admin.delete(f"{PLACE}/{digest_of(child)}")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (412, "VIOLATE_FOREIGN_KEY_CONSTRAINT")


def test_platforms_have_the_keys_that_clients_read(admin: httpx.Client, registry: httpx.Client) -> None:
    children = [push_image(registry, NAME, seed=seed) for seed in (1, 2)]
    windows = {"os": "windows", "architecture": "amd64", "os.version": "10.0.20348", "os.features": ["win32k"]}
    linux = {"os": "linux", "architecture": "arm64", "variant": "v8"}
    entries = [
        descriptor(child, OCI_MANIFEST, platform=platform)
        for child, platform in zip(children, (windows, linux), strict=True)
    ]
    parent = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
    push_manifest(registry, NAME, parent, "all")
    shown = [reference["platform"] for reference in admin.get(f"{PLACE}/all").json()["references"]]
    assert shown == [
        {"os": "windows", "architecture": "amd64", "OsVersion": "10.0.20348", "OsFeatures": ["win32k"]},
        linux | {"OsFeatures": None},
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("tags=one", ["one"]),
        ("tags=~ON", ["one"]),
        ("tags=*", ["two", "one"]),
        ("tags=nil", [None]),
        ("type=IMAGE", [None, "two", "one"]),
        ("type=CHART", []),
        ("size=[1~5]", []),
        ("labels=(1)", []),
    ],
)
def test_artifacts_are_found_by_query(
    admin: httpx.Client, registry: httpx.Client, query: str, expected: list[str | None]
) -> None:
    for seed, tag in enumerate(("one", "two", None)):
        push_image(registry, NAME, tag, seed=seed)
    found = admin.get(PLACE, params={"q": query}).json()
    assert [shown["tags"] and shown["tags"][0]["name"] for shown in found] == expected


def test_labels_are_numbers(admin: httpx.Client, registry: httpx.Client) -> None:
    push_image(registry, NAME, "1")
    assert admin.get(PLACE, params={"q": "labels=(a)"}).status_code == 400


def test_a_list_costs_the_same_whatever_its_length(caller: Caller, registry: httpx.Client, ports: Ports) -> None:
    guest, path = caller("guest"), f"{PLACE}?with_accessory=true&page_size=50"
    push_image(registry, NAME, "0")
    for _ in ("proves the caller", "looks at the caller's standing"):
        guest.get(path)
    with counted_statements(ports.db) as few:
        guest.get(path)
    content = content_of(10)
    push(registry, NAME, content)
    for number in range(10):
        push_manifest(registry, NAME, image(content, annotations={"n": str(number)}), f"t{number}")
    with counted_statements(ports.db) as many:
        assert len(guest.get(path).json()) == 11
    assert len(many) == len(few)


def test_an_artifact_goes_with_its_tags_and_accessories(admin: httpx.Client, registry: httpx.Client) -> None:
    subject = push_image(registry, NAME, "1")
    push_manifest(registry, NAME, subject, "2")
    push(registry, NAME, EMPTY)
    signature = artifact(subject)
    push_manifest(registry, NAME, signature)
    push_manifest(registry, NAME, artifact(signature))
    assert admin.delete(f"{PLACE}/1").status_code == 200
    assert digests(admin.get(f"{PLACE}?q=base%3D*")) == []
    assert admin.get("/projects/private/repositories/app").json()["artifact_count"] == 0


@pytest.mark.parametrize("reference", ["nothing", "sha256:0", "sha256:" + "0" * 64, "%20"])
def test_what_does_not_exist_is_404(admin: httpx.Client, registry: httpx.Client, reference: str) -> None:
    push_image(registry, NAME, "1")
    for method in ("GET", "DELETE"):
        answer = admin.request(method, f"{PLACE}/{reference}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "NOT_FOUND")


def test_odd_facts_are_shown_as_they_are(admin: httpx.Client, registry: httpx.Client) -> None:
    config = b'{"architecture":5,"os":{"a":1},"config":{"huge":1e30,"deep":[[[]]]}}'
    push(registry, NAME, config)
    child = image(config=config)
    push_manifest(registry, NAME, child, "odd")
    entry = descriptor(
        child, OCI_MANIFEST, platform={"os": 5, "architecture": None, "os.features": 7, "os.version": []}
    )
    parent = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry]}).encode()
    answer = put(registry, NAME, parent, "all")
    assert answer.status_code in (201, 400), answer.text
    assert len(digests(admin.get(PLACE))) == 1 + (answer.status_code == 201)
    assert float(admin.get(f"{PLACE}/odd").json()["extra_attrs"]["config"]["huge"]) == 1e30
