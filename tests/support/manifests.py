"""Manifests for the tests, and pushing them through the front door."""

import json
from typing import Any

import httpx

from app.core.media_types import DOCKER_MANIFEST, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_MANIFEST
from tests.support.blobs import content_of, digest_of, push

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = b"{}"
CONFIG = (
    b'{"architecture":"amd64","os":"linux","author":"somebody","created":"2026-01-02T03:04:05Z",'
    b'"config":{"Cmd":["sh"]}}'
)

__all__ = ["DOCKER_MANIFEST", "OCI_CONFIG", "OCI_EMPTY", "OCI_INDEX", "OCI_MANIFEST"]


def descriptor(content: bytes, media_type: str = LAYER, **extra: object) -> dict[str, Any]:
    """The descriptor of some content."""
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **extra}


def image(*layers: bytes, config: bytes = CONFIG, **extra: object) -> bytes:
    """An OCI image manifest over layers."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, OCI_CONFIG),
        "layers": [descriptor(layer) for layer in layers],
        **extra,
    }
    return json.dumps(document).encode()


def artifact(subject: bytes | None = None, artifact_type: str = "application/vnd.test.thing", **extra: object) -> bytes:
    """An OCI artifact manifest without layers, that may refer to a subject."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": descriptor(EMPTY, OCI_EMPTY),
        "layers": [],
        **extra,
    }
    if subject is not None:
        document["subject"] = descriptor(subject, OCI_MANIFEST)
    return json.dumps(document).encode()


def index(*manifests: bytes, **extra: object) -> bytes:
    """An OCI index over manifests, each listed as what it says it is."""
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [descriptor(each, json.loads(each).get("mediaType", OCI_MANIFEST)) for each in manifests],
        **extra,
    }
    return json.dumps(document).encode()


def put(
    client: httpx.Client, name: str, manifest: bytes, reference: str | None = None, media_type: str | None = None
) -> httpx.Response:
    """PUT a manifest under a reference, or under its digest."""
    kind = media_type or json.loads(manifest).get("mediaType", OCI_MANIFEST)
    place = f"/v2/{name}/manifests/{reference or digest_of(manifest)}"
    return client.put(place, content=manifest, headers={"Content-Type": kind})


def push_manifest(client: httpx.Client, name: str, manifest: bytes, reference: str | None = None) -> str:
    """Push a manifest whose content is there and return its digest."""
    answer = put(client, name, manifest, reference)
    assert answer.status_code == 201, answer.text
    return digest_of(manifest)


def push_image(client: httpx.Client, name: str, tag: str | None = None, *, seed: int = 0, layers: int = 1) -> bytes:
    """Push an image of its own layers with all its content; returns the manifest."""
    contents = [content_of(64 + number, seed * 1000 + number) for number in range(layers)]
    for content in (CONFIG, *contents):
        push(client, name, content)
    manifest = image(*contents)
    push_manifest(client, name, manifest, tag)
    return manifest
