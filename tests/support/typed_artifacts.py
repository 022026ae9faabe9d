"""Artifacts of all types for the tests, in one repository, and what the management API shows of them."""

import json
from typing import Any

import httpx

from tests.support.blobs import push
from tests.support.manifests import OCI_MANIFEST, descriptor, push_manifest

PLACE = "/projects/private/repositories/app/artifacts"
NAME = "private/app"


def pushed(
    docker: httpx.Client, config: bytes, config_type: str, layers: list[dict[str, Any]], **extra: object
) -> bytes:
    """Push a config and a manifest over layers that are there, under the tag 1."""
    push(docker, NAME, config)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, config_type),
        "layers": layers,
        **extra,
    }
    manifest = json.dumps(document).encode()
    push_manifest(docker, NAME, manifest, "1")
    return manifest


def layer(docker: httpx.Client, content: bytes, media_type: str, **extra: object) -> dict[str, Any]:
    """Push a blob and return its descriptor."""
    push(docker, NAME, content)
    return descriptor(content, media_type, **extra)


def addition(client: httpx.Client, name: str, reference: str = "1") -> httpx.Response:
    """The answer to a request for an addition."""
    return client.get(f"{PLACE}/{reference}/additions/{name}")


def statuses(client: httpx.Client, *names: str, reference: str = "1") -> list[int]:
    """The statuses of the answers to requests for additions."""
    return [addition(client, name, reference).status_code for name in names]


def shown(client: httpx.Client, reference: str = "1") -> dict[str, Any]:
    """The artifact as the API shows it."""
    answer = client.get(f"{PLACE}/{reference}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def links(client: httpx.Client) -> dict[str, Any]:
    """The links of an artifact, after each was followed."""
    found: dict[str, Any] = shown(client).get("addition_links", {})
    for link in found.values():
        assert link["absolute"] is False
        assert client.get(f"http://registry.test{link['href']}").status_code == 200
    return found
