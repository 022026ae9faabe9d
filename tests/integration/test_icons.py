"""The icons of artifacts and accessories."""

import json

import httpx
import pytest

from app.core.media_types import HELM_CONFIG
from tests.support.blobs import push
from tests.support.manifests import (
    EMPTY,
    artifact,
    push_image,
    push_manifest,
)
from tests.support.people import People
from tests.support.typed_artifacts import NAME, PLACE, pushed, shown


@pytest.fixture
def docker(client: httpx.Client, people: People) -> httpx.Client:
    """The administrator's client of the registry."""
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    return client


def test_icons_are_drawings_of_ours(admin: httpx.Client, anonymous: httpx.Client, docker: httpx.Client) -> None:
    subject = push_image(docker, NAME, "1")
    push(docker, NAME, EMPTY)
    push_manifest(docker, NAME, artifact(subject, "application/vnd.cncf.notary.signature"))
    pushed(docker, b'{"name":"web","icon":"http://evil.test/icon.png"}', HELM_CONFIG, [])
    push_manifest(docker, NAME, subject, "image")
    found = admin.get(f"{PLACE}/image?with_accessory=true").json()
    digests = {found["icon"], found["accessories"][0]["icon"], shown(admin)["icon"]}
    assert len(digests) == 3
    for digest in digests:
        answer = anonymous.get(f"/icons/{digest}")
        assert answer.status_code == 200
        assert answer.json().keys() == {"content-type", "content"}
        assert answer.json()["content-type"] == "image/svg+xml"
    assert shown(admin)["extra_attrs"]["icon"] == "http://evil.test/icon.png"


def test_a_layer_is_no_icon(anonymous: httpx.Client, docker: httpx.Client) -> None:
    manifest = json.loads(push_image(docker, NAME, "1"))
    for digest in (manifest["layers"][0]["digest"], "none", "sha256:" + "a" * 64):
        assert anonymous.get(f"/icons/{digest}").status_code == 404
