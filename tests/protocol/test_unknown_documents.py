"""Documents of unknown types say nothing that clients of known ones would read differently."""

import base64
import json

import httpx
import pytest

from tests.support.blobs import push
from tests.support.contents import code_of
from tests.support.manifests import EMPTY, OCI_CONFIG, OCI_MANIFEST, descriptor, put

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NAME = "library-test/app"
UNKNOWN = "application/vnd.example.thing.v1+json"
TWICE = b'{"os":"linux","OS":"windows"}'
INVALID = (400, "MANIFEST_INVALID")
SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


@pytest.fixture
def client(pusher: httpx.Client) -> httpx.Client:
    """A pusher whose repository holds the empty config."""
    push(pusher, NAME, EMPTY)
    return pusher


@pytest.mark.parametrize("kind", [SCHEMA_1, UNKNOWN])
def test_layers_of_the_first_schema_are_refused(client: httpx.Client, kind: str) -> None:
    """Clients of that schema pull what it names, which is in no list that the registry keeps."""
    document = {"name": "app", "tag": "v1", "fsLayers": [{"blobSum": descriptor(EMPTY)["digest"]}], "history": []}
    answer = put(client, NAME, json.dumps(document).encode(), "v1", kind)
    assert code_of(answer) == INVALID
    assert "fsLayers" in answer.json()["errors"][0]["message"]


def test_a_document_of_an_unknown_type_spells_types_as_others_do(client: httpx.Client) -> None:
    push(client, NAME, TWICE)
    for place in ("config", "layers", "blobs", "manifests", "subject"):
        entry = descriptor(TWICE, OCI_CONFIG.upper())
        document = {place: entry if place in ("config", "subject") else [entry]}
        answer = put(client, NAME, json.dumps(document).encode(), "v1", UNKNOWN)
        assert code_of(answer) == INVALID
        assert f"{place}" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("beside", [{}, {"size": None}])
def test_content_that_is_only_embedded(client: httpx.Client, beside: dict[str, object]) -> None:
    """Clients take what is embedded, also where the repository need not hold it."""
    for content, accepted in ((TWICE, False), (b'{"os":"linux"}', True)):
        entry = descriptor(content, OCI_CONFIG, data=base64.b64encode(content).decode()) | beside
        document = {"config": entry, "layers": [descriptor(content, OCI_CONFIG)]}
        answer = put(client, NAME, json.dumps(document).encode(), "v1", UNKNOWN)
        assert (answer.status_code == 201) if accepted else (code_of(answer) == INVALID), answer.text


@pytest.mark.parametrize("beside", [{"size": None}, {"size": -1}, {"artifactType": 5}, {"mediaType": "\u00e9"}])
def test_a_subject_beside_what_cannot_be_read(client: httpx.Client, beside: dict[str, object]) -> None:
    subject = descriptor(b"subject", OCI_MANIFEST) | beside
    answer = put(client, NAME, json.dumps({"subject": subject}).encode(), "v1", UNKNOWN)
    assert answer.status_code == 201, answer.text
    assert answer.headers["OCI-Subject"] == subject["digest"]
    (listed,) = client.get(f"/v2/{NAME}/referrers/{subject['digest']}").json()["manifests"]
    assert listed["digest"] == answer.headers["Docker-Content-Digest"]
