"""What the registry has acknowledged, and whether it keeps to it."""

import threading
import time
from collections import Counter
from dataclasses import dataclass

from tests.support.blobs import digest_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What the registry says it has, and is to keep until then even if nothing comes to refer to it."""

    path: str
    """``/v2/<name>/blobs/<digest>``, or ``manifests`` for one under no tag."""
    until: float
    """On the monotonic clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushedManifest:
    """A manifest with what it refers to. Under no tag it stays as long as an index that lists it."""

    repository: str
    body: bytes
    media_type: str
    tag: str | None = None
    needs: tuple[str, ...] = ()
    """The paths of its blobs, or of the manifests it lists."""

    @property
    def path(self) -> str:
        """Where it is under its digest."""
        return f"/v2/{self.repository}/manifests/{self.digest}"

    @property
    def digest(self) -> str:
        """The digest of its bytes."""
        return digest_of(self.body)


class Record:
    """The answers of all pushers, and every promise that was seen broken."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._promises: dict[str, Promise] = {}
        self._manifests: dict[str, PushedManifest] = {}
        self._new: list[PushedManifest] = []
        self._deleted: dict[str, PushedManifest] = {}

    def count(self, what: str) -> None:
        """Count something for the summary."""
        with self._lock:
            self.counts[what] += 1

    def breach(self, what: str) -> None:
        """A promise was broken."""
        with self._lock:
            self.broken.append(what)

    def has(self, promise: Promise) -> None:
        """201 for an upload or a mount, 200 for a HEAD: each one counts anew."""
        with self._lock:
            self.counts["blobs acknowledged"] += 1
            known = self._promises.get(promise.path)
            if known is None or known.until < promise.until:
                self._promises[promise.path] = promise

    def has_untagged(self, promise: Promise) -> None:
        """201 for a manifest under its digest: only the first one counts, which made it."""
        with self._lock:
            self._promises.setdefault(promise.path, promise)

    def has_manifests(self, *manifests: PushedManifest) -> None:
        """201 for all of them, so that the last one keeps the others."""
        with self._lock:
            self.counts["manifests acknowledged"] += len(manifests)
            self._new += manifests
            self._manifests |= {each.path: each for each in manifests}

    def forget(self, *manifests: PushedManifest) -> None:
        """Their deletion is asked for: from now on they may be there or not."""
        with self._lock:
            for each in manifests:
                self._manifests.pop(each.path, None)
                self._promises.pop(each.path, None)

    def comes(self, manifest: PushedManifest) -> None:
        """It is about to be pushed, again perhaps: from now on it may be there."""
        with self._lock:
            self._deleted.pop(manifest.path, None)

    def has_deleted(self, manifest: PushedManifest) -> None:
        """202 for its deletion, or 404 when an answer was cut off before: it stays away until it is pushed again."""
        with self._lock:
            self.counts["manifests deleted"] += 1
            self._deleted[manifest.path] = manifest

    def deleted(self) -> list[PushedManifest]:
        """The manifests that must not be there."""
        with self._lock:
            return list(self._deleted.values())

    def is_promised(self, path: str) -> bool:
        """Whether it may not be missing now."""
        with self._lock:
            promise = self._promises.get(path)
            return promise is not None and time.monotonic() < promise.until

    def promises(self) -> list[Promise]:
        """What is to be kept for the sake of its pushers."""
        now = time.monotonic()
        with self._lock:
            return [promise for promise in self._promises.values() if promise.until > now]

    def manifests(self, *, new: bool = False) -> list[PushedManifest]:
        """The manifests that must be there; only those since the last question with ``new``."""
        with self._lock:
            standing = self._new if new else list(self._manifests.values())
            self._new = [] if new else self._new
            return [each for each in standing if each.path in self._manifests]

    def is_standing(self, manifest: PushedManifest) -> bool:
        """Whether nobody has asked for its deletion."""
        with self._lock:
            return manifest.path in self._manifests
