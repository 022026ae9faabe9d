"""The requests whose work is counted, told apart from how they reach the application."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from tests.support.blobs import content_of, digest_of
from tests.support.manifests import CONFIG, OCI_MANIFEST, image

NAME: Final = "budget/app"
_LAYERS: Final = 12
_TAGS: Final = 120
_SMALL: Final = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, headers by lower-case name, and the body's length."""

    status: int
    headers: dict[str, str]
    length: int


Send = Callable[[str, str, bytes, str], Answer]
"""Sends a request of method, target, body and media type with a token that may push, and reads the whole answer."""


@dataclass(slots=True, kw_only=True)
class Requests:
    """An image in a repository, and what is asked of it; every method is one row of the budget."""

    send: Send
    _numbers: "count[int]" = field(default_factory=count)
    _manifest: bytes = b""
    _blob: bytes = b""

    def prepare(self) -> None:
        """Push what the rows ask for."""
        contents = [content_of(1024, number) for number in range(_LAYERS)]
        self._blob = content_of(_SMALL, _LAYERS)
        for content in (CONFIG, self._blob, *contents):
            self._push_blob(content)
        self._manifest = image(*contents)
        for number in range(_TAGS):
            self._put_manifest(self._manifest, f"t{number:04}")

    def ping(self) -> None:
        """``GET /v2/``."""
        self._expect(200, "GET", "/v2/")

    def manifest_by_digest(self) -> None:
        """A manifest of twelve layers by its digest."""
        self._expect(200, "GET", f"/v2/{NAME}/manifests/{digest_of(self._manifest)}")

    def manifest_by_tag(self) -> None:
        """The same by a tag."""
        self._expect(200, "GET", f"/v2/{NAME}/manifests/t0000")

    def blob(self) -> None:
        """A blob of 2 kB."""
        answer = self._expect(200, "GET", f"/v2/{NAME}/blobs/{digest_of(self._blob)}")
        assert answer.length == _SMALL

    def tags(self) -> None:
        """The first hundred tags of more."""
        self._expect(200, "GET", f"/v2/{NAME}/tags/list?n=100")

    def small_push(self) -> None:
        """An image nobody has: a layer and a config of a kilobyte, each HEAD, POST and PUT, and the manifest."""
        number = next(self._numbers)
        layer, config = content_of(1024, 1_000_000 + number), CONFIG.replace(b"somebody", b"%08d" % number)
        for content in (layer, config):
            self._expect(404, "HEAD", f"/v2/{NAME}/blobs/{digest_of(content)}")
            self._push_blob(content)
        self._put_manifest(image(layer, config=config), f"p{number:08}")

    def rows(self) -> dict[str, Callable[[], None]]:
        """All of them by name."""
        return {
            "ping": self.ping,
            "manifest by digest": self.manifest_by_digest,
            "manifest by tag": self.manifest_by_tag,
            "blob": self.blob,
            "tags": self.tags,
            "small push": self.small_push,
        }

    def _push_blob(self, content: bytes) -> None:
        location = self._expect(202, "POST", f"/v2/{NAME}/blobs/uploads/").headers["location"]
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        target = f"{location}{'&' if '?' in location else '?'}digest={digest}"
        self._expect(201, "PUT", target, content, "application/octet-stream")

    def _put_manifest(self, manifest: bytes, tag: str) -> None:
        self._expect(201, "PUT", f"/v2/{NAME}/manifests/{tag}", manifest, OCI_MANIFEST)

    def _expect(self, status: int, method: str, target: str, body: bytes = b"", kind: str = "") -> Answer:
        answer = self.send(method, target, body, kind)
        assert answer.status == status, (method, target, answer)
        return answer
