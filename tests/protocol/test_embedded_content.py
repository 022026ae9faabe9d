"""Content that a descriptor embeds (``data``) is the content that it names: refused with the member's place else."""

import base64
import hashlib
import json

import httpx
import pytest

from tests.protocol.test_manifests_ambiguous import KINDS, LAYER, NAME, refused_at, sample_index, sample_manifest
from tests.support.blobs import push
from tests.support.manifests import CONFIG, EMPTY, OCI_INDEX, OCI_MANIFEST, descriptor, image, put

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def stocked(pusher: httpx.Client) -> httpx.Client:
    """A pusher whose repository holds the content and an image of it."""
    for content in (CONFIG, LAYER, EMPTY):
        push(pusher, NAME, content)
    assert put(pusher, NAME, image(LAYER)).status_code == 201
    return pusher


def _embedded(content: bytes) -> str:
    return base64.b64encode(content).decode()


WRONG_DATA: dict[str, tuple[object, str]] = {
    "other content": (_embedded(b"LAYER"), "has another digest than sha256:"),
    "longer": (_embedded(b"layers"), "has 6 bytes, its size says 5"),
    "nothing": ("", "has 0 bytes, its size says 5"),
    "a character": (_embedded(LAYER)[:-1] + "!", "is not base64"),
    "a line's end": (_embedded(LAYER)[:4] + "\n" + _embedded(LAYER)[4:], "is not base64"),
    "no padding": (_embedded(LAYER).rstrip("="), "is not base64"),
    "words behind it": (_embedded(LAYER) + "AAAA", "is not base64"),
    "another alphabet": ("\u1d43" * 8, "is not base64"),
    "no text": (list(LAYER), "must be text"),
    "a number": (1, "must be text"),
}


@pytest.mark.parametrize("place", ["config", "layers[0]", "subject", "manifests[0]", "blobs[0]"])
@pytest.mark.parametrize(("data", "reason"), WRONG_DATA.values(), ids=WRONG_DATA)
def test_embedded_content_is_the_content_that_is_named(
    stocked: httpx.Client, place: str, data: object, reason: str
) -> None:
    name, is_list, _ = place.partition("[")
    for kind in {"manifests[0]": (OCI_INDEX, KINDS[2]), "blobs[0]": (KINDS[2],)}.get(place, KINDS):
        for each, accepted in ((data, False), (_embedded(LAYER), True), (None, True)):
            entry = descriptor(LAYER, OCI_MANIFEST if name == "subject" else "a/b", data=each)
            document = (sample_index() if name == "manifests" else sample_manifest()) | {"mediaType": kind}
            document[name] = [entry] if is_list else entry
            answer = put(stocked, NAME, json.dumps(document).encode(), "v1", kind)
            if accepted:
                assert answer.status_code == 201, answer.text
            else:
                refused_at(answer, f"{place}.data")
                assert reason in answer.json()["errors"][0]["message"]


def test_embedded_content_is_compared_by_its_own_algorithm(stocked: httpx.Client) -> None:
    for algorithm, status in (("sha512", 201), ("blake3", 400)):
        digest = f"{algorithm}:{'0' * 64}" if algorithm == "blake3" else f"sha512:{hashlib.sha512(LAYER).hexdigest()}"
        subject = descriptor(LAYER, OCI_MANIFEST) | {"digest": digest, "data": _embedded(LAYER)}
        assert put(stocked, NAME, image(LAYER, subject=subject)).status_code == status


def test_embedded_content_of_what_need_not_say_its_size(stocked: httpx.Client) -> None:
    """A document of an unknown type is read as far as it can be."""
    for content, status in ((LAYER, 201), (b"LAYER", 400)):
        entry = {"digest": descriptor(LAYER)["digest"], "data": _embedded(content)}
        body = json.dumps({"config": entry}).encode()
        assert put(stocked, NAME, body, "v1", KINDS[2]).status_code == status
