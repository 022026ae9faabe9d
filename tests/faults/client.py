"""A client that pushes as real ones do: it resumes, starts again, waits when told to, and records what it is told."""

import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final

import httpx

from tests.faults.record import Promise, PushedManifest, Record
from tests.support.blobs import digest_of
from tests.support.instance import Instance

WINDOW: Final = 6.0
"""Seconds of HARBOR_GC_TIME_WINDOW: longer than the web processes take to come back, so that most pushes survive a kill
without beginning again; short, so that each collection meets what pushers deleted a moment ago or are about to use."""
_PATIENCE: Final = 90.0
_PAUSE: Final = 0.15
_TRIES: Final = 8
_REFUSED_SECONDS: Final = 0.5


class StartAgainError(Exception):
    """The attempt leads nowhere: begin with a new session, or with the image's first blob."""


class Way(StrEnum):
    """How a blob is sent."""

    STREAMED = "one PATCH in chunked coding, as docker"
    MONOLITHIC = "one PUT, as containerd"
    CHUNKED = "several PATCH with Content-Range, as regctl"
    AT_ONCE = "one POST"
    MOUNTED = "mounted from another repository"


class Client:
    """One pusher's connection and what it was promised on it."""

    def __init__(self, instance: Instance, record: Record) -> None:
        self.record = record
        self._http = instance.client()

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def request(self, method: str, path: str, *, once: bool = False, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's
        """Ask until an answer settles it; with ``once`` httpx.TransportError when the connection breaks."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline:
            try:
                answer = self._http.request(method, path, **options)
            except httpx.TransportError:
                self.record.count("connections cut")
                if once:
                    raise
                time.sleep(_PAUSE)
                continue
            if answer.status_code == 503 and "garbage collection" in answer.text and "Retry-After" in answer.headers:
                self.record.count("refused while collecting")
                time.sleep(_REFUSED_SECONDS)
            elif answer.status_code >= 500:
                self.record.breach(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
                time.sleep(_PAUSE)
            else:
                return answer
        self.record.breach(f"{method} {path} was not settled within {_PATIENCE:.0f} s")
        raise StartAgainError

    def push_blob(self, repository: str, content: bytes, way: Way, source: str = "") -> None:
        """Make sure that the repository has the blob."""
        path = f"/v2/{repository}/blobs/{digest_of(content)}"
        began = time.monotonic()
        if self.request("HEAD", path).status_code == 200:
            self.record.has(Promise(path=path, until=began + WINDOW / 2))
            return
        for _ in range(_TRIES):
            began = time.monotonic()
            try:
                self._send(repository, content, way, source)
            except (StartAgainError, httpx.TransportError):
                self.request("GET", "/v2/")
                continue
            self.record.has(Promise(path=path, until=began + WINDOW))
            return
        self.record.breach(f"{path} could not be pushed in {_TRIES} attempts ({way})")
        raise StartAgainError

    def begin(self, repository: str, **query: str) -> str:
        """A new session's location."""
        return self._location(self.request("POST", f"/v2/{repository}/blobs/uploads/", params=query))

    def resume(self, location: str, content: bytes, piece: int | None = None) -> None:
        """Go on where the registry says, and finish; StartAgainError when that does not work out."""
        digest = digest_of(content)
        for _ in range(_TRIES):
            status = self.request("GET", location)
            try:
                if status.status_code != 404 and not self._catch_up(location, content, _offset(status), piece):
                    time.sleep(_PAUSE)
                    continue
                done = self.request("PUT", location, params={"digest": digest}, once=True)
            except httpx.TransportError:
                time.sleep(_PAUSE)
                continue
            if done.status_code == 201:
                return
            if done.status_code != 416:
                self._expect(done, {404})
                raise StartAgainError
        raise StartAgainError

    def push_manifest(self, manifest: PushedManifest) -> None:
        """Push it under its tag or its digest; StartAgainError when something it needs is gone, rightly or not."""
        place = f"/v2/{manifest.repository}/manifests/{manifest.tag or manifest.digest}"
        self.record.comes(manifest)
        began = time.monotonic()
        answer = self.request("PUT", place, content=manifest.body, headers={"Content-Type": manifest.media_type})
        self.take_answer(manifest, answer.status_code, answer.text)
        if not manifest.tag:
            self.record.has_untagged(Promise(path=manifest.path, until=began + WINDOW))

    def take_answer(self, manifest: PushedManifest, status: int, text: str) -> None:
        """Judge the answer to a manifest; one under no tag is only recorded together with the index that lists it."""
        if status == 201:
            if manifest.tag:
                self.record.has_manifests(manifest)
            return
        if status != 400 or "MANIFEST_BLOB_UNKNOWN" not in text:
            self.record.breach(f"manifest {manifest.digest} was refused: {status} {text[:300]}")
        missing = [path for path in manifest.needs if path.rpartition("/")[2] in text]
        if lost := [path for path in missing if self.record.is_promised(path)]:
            self.record.breach(f"promised and missing when a manifest came: {', '.join(lost)}")
        self.record.count("images begun again")
        raise StartAgainError

    def delete_manifests(self, *manifests: PushedManifest) -> None:
        """Delete in this order; whatever was deleted before is fine."""
        self.record.forget(*manifests)
        for each in manifests:
            answer = self.request("DELETE", each.path)
            self._expect(answer, {202, 404})
            self.record.has_deleted(each)

    def _send(self, repository: str, content: bytes, way: Way, source: str) -> None:
        digest = digest_of(content)
        uploads = f"/v2/{repository}/blobs/uploads/"
        if way is Way.AT_ONCE:
            self._expect(self.request("POST", uploads, params={"digest": digest}, content=content, once=True), {201})
            return
        query = {"mount": digest, "from": source} if way is Way.MOUNTED else {}
        answer = self.request("POST", uploads, params=query)
        if answer.status_code == 201 and way is Way.MOUNTED:
            self.record.count("blobs mounted")
            return
        location = self._location(answer)
        if way is Way.CHUNKED:
            self.resume(location, content, len(content) // 3 + 1)
        elif way is Way.STREAMED:
            self._expect(self.request("PATCH", location, content=tuple(_pieces(content)), once=True), {202})
            self._finish(location, digest)
        else:
            self._put_whole(location, content, digest)

    def _finish(self, location: str, digest: str) -> None:
        """The PUT without a body; StartAgainError while the lease of a process lasts that was killed at it."""
        done = self.request("PUT", location, params={"digest": digest})
        if done.status_code == 416 and "another request" in done.text:
            self.record.count("uploads begun again")
            raise StartAgainError
        self._expect(done, {201})

    def _put_whole(self, location: str, content: bytes, digest: str) -> None:
        try:
            self._expect(self.request("PUT", location, params={"digest": digest}, content=content, once=True), {201})
        except httpx.TransportError:
            self.record.count("uploads resumed")
            self.resume(location, content)

    def _catch_up(self, location: str, content: bytes, offset: int, piece: int | None) -> bool:
        """Send what is missing from ``offset`` on; False when the session does not stand there or is still busy."""
        while offset < len(content):
            part = content[offset : offset + (piece or len(content))]
            stands = {"Content-Range": f"{offset}-{offset + len(part) - 1}"}
            answer = self.request("PATCH", location, content=part, headers=stands, once=True)
            if answer.status_code != 202:
                self._expect(answer, {404, 416})
                return False
            offset += len(part)
        return True

    def _location(self, answer: httpx.Response) -> str:
        self._expect(answer, {202})
        return str(answer.headers["Location"])

    def _expect(self, answer: httpx.Response, statuses: set[int]) -> None:
        if answer.status_code not in statuses:
            asked = answer.request
            self.record.breach(f"{asked.method} {asked.url} answered {answer.status_code}: {answer.text[:300]}")
            raise StartAgainError


def _offset(status: httpx.Response) -> int:
    last = int(status.headers["Range"].partition("-")[2])
    return last + 1 if last else 0


def _pieces(content: bytes) -> Iterator[bytes]:
    size = len(content) // 4 + 1
    for start in range(0, len(content), size):
        yield content[start : start + size]
