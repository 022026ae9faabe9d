"""Images and blobs that the rows push and pull."""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property

from tests.bench.client import Connection

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_BLOCK = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Content:
    """Bytes with their digest."""

    octets: bytes | bytearray

    @cached_property
    def digest(self) -> str:
        """Computed once, outside of what is timed."""
        return "sha256:" + hashlib.sha256(self.octets).hexdigest()

    @classmethod
    def random(cls, size: int) -> "Content":
        """Content that nobody has; large ones repeat a random block of 4 MiB after a unique beginning."""
        octets = bytearray(os.urandom(min(size, _BLOCK)) * (-(-size // _BLOCK)))[:size]
        octets[:16] = os.urandom(16)[:size]
        return cls(octets=octets)


@dataclass(frozen=True, kw_only=True)
class Image:
    """A config, layers and their manifest."""

    config: Content
    layers: tuple[Content, ...]
    manifest: Content

    @classmethod
    def random(cls, *, layers: int, layer_size: int = 1024) -> "Image":
        """An image that nobody has."""
        contents = tuple(Content.random(layer_size) for _ in range(layers))
        diff_ids = [content.digest for content in contents]
        facts = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}}
        config = Content(octets=json.dumps(facts).encode())
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, content) for content in contents],
        }
        return cls(config=config, layers=contents, manifest=Content(octets=json.dumps(manifest, indent=1).encode()))

    def index(self, size: int) -> Content:
        """An index of about that many bytes, of the image again and again, each time for another platform."""
        entry = _descriptor(MANIFEST, self.manifest)
        manifests: list[dict[str, object]] = []
        length = 0
        while length < size:
            manifests.append(entry | {"platform": {"architecture": "amd64", "os": f"os{len(manifests)}"}})
            length += len(json.dumps(manifests[-1])) + 2
        return Content(octets=json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}).encode())

    def bare(self) -> Content:
        """A manifest of the image's config alone."""
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(_CONFIG, self.config),
            "layers": [],
        }
        return Content(octets=json.dumps(document).encode())

    def referrer(self, number: int) -> Content:
        """An artifact about the image, without content of its own but the image's config."""
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.bench.report",
            "config": _descriptor(_CONFIG, self.config),
            "layers": [],
            "subject": _descriptor(MANIFEST, self.manifest),
            "annotations": {"number": str(number)},
        }
        return Content(octets=json.dumps(document).encode())

    def push(self, connection: Connection, repository: str, tag: str) -> None:
        """Push as clients do: per blob HEAD, POST, PUT; then the manifest."""
        for blob in (*self.layers, self.config):
            push_blob(connection, repository, blob)
        self.push_manifest(connection, repository, tag)

    def push_again(self, connection: Connection, repository: str, tag: str) -> None:
        """Push what is there already, as clients do: per blob HEAD; then the manifest."""
        for blob in (*self.layers, self.config):
            connection.request("HEAD", f"/v2/{repository}/blobs/{blob.digest}").expect(200)
        self.push_manifest(connection, repository, tag)

    def push_manifest(self, connection: Connection, repository: str, tag: str) -> None:
        """Push the manifest alone."""
        target = f"/v2/{repository}/manifests/{tag}"
        connection.request("PUT", target, bytes(self.manifest.octets), kind=MANIFEST).expect(201)


def push_blob(connection: Connection, repository: str, blob: Content) -> None:
    """HEAD, POST, and one PUT with the bytes."""
    connection.request("HEAD", f"/v2/{repository}/blobs/{blob.digest}").expect(404)
    target = finish(begin(connection, repository), blob)
    connection.request("PUT", target, bytes(blob.octets), kind="application/octet-stream").expect(201)


def begin(connection: Connection, repository: str) -> str:
    """POST an upload session and return where it goes on, without scheme and host."""
    answer = connection.request("POST", f"/v2/{repository}/blobs/uploads/").expect(202)
    return local(answer.headers["location"])


def local(location: str) -> str:
    """A Location without scheme and host."""
    return "/" + location.split("/", 3)[3] if location.startswith("http") else location


def finish(location: str, blob: Content) -> str:
    """Where the PUT of an upload goes."""
    return f"{location}{'&' if '?' in location else '?'}digest={blob.digest}"


def _descriptor(media_type: str, content: Content) -> dict[str, object]:
    return {"mediaType": media_type, "digest": content.digest, "size": len(content.octets)}
