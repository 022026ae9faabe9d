"""The referrers list: an index always, descriptors as the manifests have them, filter and pages."""

import httpx
import pytest

from app.core.digest import Digest
from tests.support.blobs import digest_of, push
from tests.support.manifests import (
    EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    artifact,
    descriptor,
    index,
    push_image,
    push_manifest,
)

NAME = "library-test/app"
ZERO = "sha256:" + "0" * 64


def referrers(client: httpx.Client, digest: str, **query: str) -> httpx.Response:
    answer = client.get(f"/v2/{NAME}/referrers/{digest}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == OCI_INDEX
    document = answer.json()
    assert (document["schemaVersion"], document["mediaType"]) == (2, OCI_INDEX)
    return answer


def listed(client: httpx.Client, digest: str, **query: str) -> list[str]:
    return [each["digest"] for each in referrers(client, digest, **query).json()["manifests"]]


def test_what_does_not_exist_has_no_referrers(pusher: httpx.Client) -> None:
    assert listed(pusher, ZERO) == []
    push_image(pusher, NAME)
    assert listed(pusher, ZERO) == []


@pytest.mark.parametrize("digest", ["latest", "sha256:abc", "sha256:" + "F" * 64])
def test_a_malformed_digest_is_refused(pusher: httpx.Client, digest: str) -> None:
    answer = pusher.get(f"/v2/{NAME}/referrers/{digest}")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "DIGEST_INVALID")


def test_a_filter_that_no_database_takes_is_refused(pusher: httpx.Client) -> None:
    push_image(pusher, NAME)
    refused = pusher.get(f"/v2/{NAME}/referrers/{ZERO}?artifactType=%00")
    assert (refused.status_code, refused.json()["errors"][0]["detail"]) == (400, {"parameter": "artifactType"})


def test_a_descriptor_says_what_the_manifest_says(pusher: httpx.Client) -> None:
    subject = push_image(pusher, NAME, "v1")
    push(pusher, NAME, EMPTY)
    notes = {"org.example.key": "värde"}
    manifest = artifact(subject, "application/vnd.test.sig", annotations=notes)
    push_manifest(pusher, NAME, manifest)
    assert referrers(pusher, digest_of(subject)).json()["manifests"] == [
        {
            "mediaType": OCI_MANIFEST,
            "digest": digest_of(manifest),
            "size": len(manifest),
            "artifactType": "application/vnd.test.sig",
            "annotations": notes,
        }
    ]


def test_artifact_type_of_images_and_indexes(pusher: httpx.Client) -> None:
    subject = push_image(pusher, NAME)
    push(pusher, NAME, EMPTY)
    config = artifact(subject).replace(b'"artifactType": "application/vnd.test.thing", ', b"")
    plain, typed = (
        index(subject=descriptor(subject, OCI_MANIFEST)),
        index(subject=descriptor(subject, OCI_MANIFEST), artifactType="application/vnd.test.index"),
    )
    for manifest in (config, plain, typed):
        push_manifest(pusher, NAME, manifest)
    found = referrers(pusher, digest_of(subject)).json()["manifests"]
    assert [each.get("artifactType") for each in found] == [
        "application/vnd.oci.empty.v1+json",
        None,
        "application/vnd.test.index",
    ]


def test_the_filter_is_applied_and_said(pusher: httpx.Client) -> None:
    push(pusher, NAME, EMPTY)
    one, two = (artifact(b"absent", f"application/vnd.test.{kind}") for kind in ("one", "two"))
    push_manifest(pusher, NAME, one)
    push_manifest(pusher, NAME, two)
    subject = digest_of(b"absent")
    assert listed(pusher, subject) == [digest_of(one), digest_of(two)]
    filtered = referrers(pusher, subject, artifactType="application/vnd.test.two")
    assert [each["digest"] for each in filtered.json()["manifests"]] == [digest_of(two)]
    assert (filtered.headers["OCI-Filters-Applied"], filtered.headers["X-Total-Count"]) == ("artifactType", "1")
    none = referrers(pusher, subject, artifactType="application/none")
    assert (none.json()["manifests"], none.headers["OCI-Filters-Applied"]) == ([], "artifactType")
    assert "OCI-Filters-Applied" not in referrers(pusher, subject).headers


def test_links_lead_through_all_pages(pusher: httpx.Client) -> None:
    push(pusher, NAME, EMPTY)
    pushed = [push_manifest(pusher, NAME, artifact(b"absent", annotations={"n": str(number)})) for number in range(5)]
    seen, place = [], f"/v2/{NAME}/referrers/{digest_of(b'absent')}?n=2&artifactType=application/vnd.test.thing"
    while place:
        answer = pusher.get(place)
        assert answer.headers["X-Total-Count"] == "5"
        seen += [each["digest"] for each in answer.json()["manifests"]]
        place = answer.links.get("next", {}).get("url", "")
    assert seen == pushed
    assert listed(pusher, digest_of(b"absent"), n="0") == []


def test_large_descriptors_come_in_pages_of_4_mib(pusher: httpx.Client) -> None:
    push(pusher, NAME, EMPTY)
    pushed = [
        push_manifest(pusher, NAME, artifact(b"absent", annotations={"n": str(number), "x": "x" * 3_000_000}))
        for number in range(2)
    ]
    first = referrers(pusher, digest_of(b"absent"))
    assert [each["digest"] for each in first.json()["manifests"]] == pushed[:1]
    assert [each["digest"] for each in pusher.get(first.links["next"]["url"]).json()["manifests"]] == pushed[1:]


def test_a_referrer_goes_with_its_manifest_and_not_with_its_subject(pusher: httpx.Client) -> None:
    subject = push_image(pusher, NAME)
    push(pusher, NAME, EMPTY)
    referrer = push_manifest(pusher, NAME, artifact(subject))
    assert pusher.delete(f"/v2/{NAME}/manifests/{digest_of(subject)}").status_code == 202
    assert listed(pusher, digest_of(subject)) == [referrer]
    assert pusher.delete(f"/v2/{NAME}/manifests/{referrer}").status_code == 202
    assert listed(pusher, digest_of(subject)) == []


def test_referrers_are_those_of_the_repository(pusher: httpx.Client) -> None:
    push(pusher, "library-test/other", EMPTY)
    push_manifest(pusher, "library-test/other", artifact(b"absent"))
    assert listed(pusher, Digest.of(b"absent")) == []
