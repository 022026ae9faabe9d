"""What is pushed under ``sha256-<hex>.sig``, ``.att``, ``.sbom`` or the referrers tag belongs to its subject."""

from typing import Any

import httpx
import pytest

from app.context import Ports
from tests.integration.test_artifact_counts import collect_untagged, stem
from tests.protocol.conftest import Connect
from tests.support.blobs import content_of, digest_of, push
from tests.support.manifests import CONFIG, EMPTY, artifact, image, index, push_image, push_manifest
from tests.support.people import People

NAME = "private/app"
REPOSITORY = "/projects/private/repositories/app"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"


@pytest.fixture
def docker(registry: httpx.Client) -> httpx.Client:
    """The administrator's client of the registry, after its push of the empty blob."""
    push(registry, NAME, EMPTY)
    return registry


def signature(number: int = 0) -> bytes:
    """What cosign pushes: an image manifest with nothing in it that names the subject."""
    return artifact(annotations={"dev.cosignproject.cosign/signature": str(number)})


def shown(admin: httpx.Client, **query: str) -> list[dict[str, Any]]:
    """The artifacts in the list, which have to be as many as the repository counts."""
    listed = admin.get(f"{REPOSITORY}/artifacts", params={"with_accessory": "true", **query})
    assert listed.status_code == 200, listed.text
    if not query:
        assert admin.get(REPOSITORY).json()["artifact_count"] == int(listed.headers["X-Total-Count"])
    artifacts: list[dict[str, Any]] = listed.json()
    return artifacts


def digests(artifacts: list[dict[str, Any]]) -> set[str]:
    return {one["digest"] for one in artifacts}


def tags(docker: httpx.Client) -> list[str]:
    names: list[str] = docker.get(f"/v2/{NAME}/tags/list").json()["tags"]
    return names


@pytest.mark.parametrize("subject_first", [True, False])
@pytest.mark.parametrize(
    ("suffix", "kind"),
    [(".sig", "signature.cosign"), (".att", "subject.accessory"), (".sbom", "subject.accessory")],
)
def test_an_accessory_of_its_subject(
    admin: httpx.Client, docker: httpx.Client, suffix: str, kind: str, *, subject_first: bool
) -> None:
    push_image(docker, NAME, "other", seed=1)
    content = content_of(64)
    push(docker, NAME, content)
    push(docker, NAME, CONFIG)
    subject, tag = image(content), stem(image(content)) + suffix
    if subject_first:
        push_manifest(docker, NAME, subject, "1")
    attached = push_manifest(docker, NAME, signature(), tag)
    if not subject_first:
        assert attached in digests(shown(admin))
        push_manifest(docker, NAME, subject, "1")
    assert len(shown(admin)) == 2
    one = admin.get(f"{REPOSITORY}/artifacts/1?with_accessory=true").json()
    (accessory,) = one["accessories"]
    assert (accessory["type"], accessory["digest"]) == (kind, attached)
    assert (accessory["subject_artifact_id"], accessory["subject_artifact_digest"]) == (one["id"], one["digest"])
    assert attached not in digests(shown(admin, q="base=*"))
    assert tag in tags(docker)
    assert docker.get(f"/v2/{NAME}/manifests/{tag}").headers["Docker-Content-Digest"] == attached
    assert docker.get(f"/v2/{NAME}/referrers/{one['digest']}").json()["manifests"] == []


@pytest.mark.parametrize("door", ["API", "registry", "collection"])
def test_it_goes_with_its_subject(admin: httpx.Client, docker: httpx.Client, ports: Ports, door: str) -> None:
    push_image(docker, NAME, "other", seed=1)
    subject = push_image(docker, NAME, None if door == "collection" else "1")
    for number, suffix in enumerate((".sig", ".att", ".sbom")):
        push_manifest(docker, NAME, signature(number), stem(subject) + suffix)
    referrer = artifact(subject)
    push_manifest(docker, NAME, referrer)
    push_manifest(docker, NAME, index(referrer), stem(subject))
    push_manifest(docker, NAME, signature(7), f"{stem(signature())}.sig")
    assert len(shown(admin)) == 2
    if door == "API":
        assert admin.delete(f"{REPOSITORY}/artifacts/1").status_code == 200
    elif door == "registry":
        assert docker.delete(f"/v2/{NAME}/manifests/{digest_of(subject)}").status_code == 202
    else:
        collect_untagged(ports)
    assert tags(docker) == ["other"]
    assert len(shown(admin)) == 1
    left = docker.get(f"/v2/{NAME}/manifests/{digest_of(referrer)}").status_code
    assert left == (200 if door == "registry" else 404)


def test_one_document_about_two_images_goes_with_the_last(admin: httpx.Client, docker: httpx.Client) -> None:
    images = [push_image(docker, NAME, f"v{seed}", seed=seed) for seed in (1, 2)]
    for subject in images:
        push_manifest(docker, NAME, signature(), f"{stem(subject)}.sbom")
    assert [len(one["accessories"]) for one in shown(admin)] == [1, 1]
    assert admin.delete(f"{REPOSITORY}/artifacts/v1").status_code == 200
    assert tags(docker) == [f"{stem(images[1])}.sbom", "v2"]
    assert [len(one["accessories"]) for one in shown(admin)] == [1]
    assert admin.delete(f"{REPOSITORY}/artifacts/v2").status_code == 200
    assert (tags(docker), shown(admin)) == ([], [])


def test_an_image_with_a_name_of_its_own_stays_one(admin: httpx.Client, docker: httpx.Client) -> None:
    subject, release = (push_image(docker, NAME, name, seed=seed) for seed, name in enumerate(("old", "release")))
    push_manifest(docker, NAME, release, f"{stem(subject)}.sig")
    assert digests(shown(admin)) == {digest_of(subject), digest_of(release)}
    assert [one["accessories"] for one in shown(admin)] == [None, None]
    assert admin.delete(f"{REPOSITORY}/artifacts/old").status_code == 200
    assert tags(docker) == ["release"]
    assert digests(shown(admin)) == {digest_of(release)}


def test_signing_again_leaves_no_image(admin: httpx.Client, docker: httpx.Client, ports: Ports) -> None:
    subject = push_image(docker, NAME, "1")
    first = push_manifest(docker, NAME, signature(1), f"{stem(subject)}.sig")
    second = push_manifest(docker, NAME, signature(2), f"{stem(subject)}.sig")
    (one,) = shown(admin)
    assert digests(one["accessories"]) == {first, second}
    collect_untagged(ports)
    (one,) = shown(admin)
    assert digests(one["accessories"]) == {second}


@pytest.mark.parametrize(
    "name", ["sha256-abc.sig", "sha256-{hex}.sig2", "sha512-{hex}.sig", "SHA256-{hex}.sig", "{hex}.sig"]
)
def test_other_tags_say_nothing(admin: httpx.Client, docker: httpx.Client, name: str) -> None:
    subject = push_image(docker, NAME, "1")
    push_manifest(docker, NAME, signature(), name.format(hex=stem(subject).removeprefix("sha256-")))
    assert len(shown(admin)) == 2


class TestWhatWasThereBefore:
    """A caller who may push and not delete makes nothing an accessory, and so doomed, that others pushed."""

    @pytest.fixture
    def developer(self, connect: Connect, people: People) -> httpx.Client:
        return connect(people["developer"])

    @pytest.mark.parametrize("suffix", [".sig", ".att", ".sbom", ""])
    @pytest.mark.parametrize("door", ["API", "registry", "collection"])
    def test_it_stays_what_it_was(
        self, docker: httpx.Client, developer: httpx.Client, admin: httpx.Client, ports: Ports, door: str, suffix: str
    ) -> None:
        push_image(docker, NAME, "other", seed=1)
        kept = push_image(docker, NAME, seed=2)
        if not suffix:
            kept = index(kept)
            push_manifest(docker, NAME, kept)
        subject = push_image(docker, NAME, None if door == "collection" else "1", seed=3)
        tag = stem(subject) + suffix
        push_manifest(developer, NAME, kept, tag)
        assert digest_of(kept) in digests(shown(admin))
        assert (
            admin.get(f"{REPOSITORY}/artifacts/{digest_of(subject)}?with_accessory=true").json()["accessories"] is None
        )
        if door == "API":
            assert admin.delete(f"{REPOSITORY}/artifacts/1").status_code == 200
        elif door == "registry":
            assert docker.delete(f"/v2/{NAME}/manifests/{digest_of(subject)}").status_code == 202
        else:
            collect_untagged(ports)
        assert docker.get(f"/v2/{NAME}/manifests/{digest_of(subject)}").status_code == 404
        assert docker.get(f"/v2/{NAME}/manifests/{tag}").content == kept
        assert tags(docker) == ["other", tag]

    def test_the_accessory_of_one_image_is_not_made_that_of_another(
        self, docker: httpx.Client, developer: httpx.Client, admin: httpx.Client
    ) -> None:
        mine, theirs = push_image(docker, NAME, "mine", seed=1), push_image(docker, NAME, "theirs", seed=2)
        signed = push_manifest(docker, NAME, signature(), f"{stem(theirs)}.sig")
        push_manifest(developer, NAME, signature(), f"{stem(mine)}.sig")
        by_tag = {one["tags"][0]["name"]: one["accessories"] for one in shown(admin)}
        assert by_tag["mine"] is None
        assert digests(by_tag["theirs"]) == {signed}

    def test_what_the_push_itself_brings_is_an_accessory(
        self, docker: httpx.Client, developer: httpx.Client, admin: httpx.Client
    ) -> None:
        subject = push_image(docker, NAME, "1")
        pushed = push_manifest(developer, NAME, signature(), f"{stem(subject)}.sig")
        (one,) = shown(admin)
        assert digests(one["accessories"]) == {pushed}

    def test_whoever_may_delete_it_makes_it_an_accessory(
        self, docker: httpx.Client, developer: httpx.Client, connect: Connect, people: People, admin: httpx.Client
    ) -> None:
        subject = push_image(docker, NAME, "1")
        pushed = push_manifest(developer, NAME, signature())
        push_manifest(developer, NAME, signature(), f"{stem(subject)}.sig")
        assert len(shown(admin)) == 2
        push_manifest(connect(people["maintainer"]), NAME, signature(), f"{stem(subject)}.sig")
        (one,) = shown(admin)
        assert digests(one["accessories"]) == {pushed}


def test_a_tag_without_suffix_needs_an_index(admin: httpx.Client, docker: httpx.Client) -> None:
    subject = push_image(docker, NAME, "1")
    push_manifest(docker, NAME, subject, stem(subject))
    push_manifest(docker, NAME, signature(), stem(subject))
    assert len(shown(admin)) == 2
    push_manifest(docker, NAME, index(subject), stem(subject))
    (one,) = shown(admin, q="tags=1")
    assert [accessory["type"] for accessory in one["accessories"]] == ["subject.accessory"]
