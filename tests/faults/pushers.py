"""Threads that push, share layers, mount, make indexes, delete and leave things behind, until told to stop."""

import itertools
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tests.faults.client import Client, StartAgainError, Way
from tests.faults.record import PushedManifest, Record
from tests.support import manifests
from tests.support.blobs import content_of, digest_of
from tests.support.instance import Instance

_SHARED: Final = 10
_LAYER_BYTES: Final = (2_000, 150_000)
_KEPT: Final = 0.4
_ATTEMPTS: Final = 6
_IMAGES_EACH: Final = 20
_CHURNED: Final = 12
_SLOW_SECONDS: Final = 1.5
_SMALL: Final = 300


class ImageMaker:
    """Images of a repository: a config nobody else has, a layer nobody else has, and layers that others have too."""

    def __init__(self, repository: str, name: str, seed: int) -> None:
        self._repository = repository
        self._name = name
        self._seed = seed
        self._numbers = itertools.count()
        self.random = random.Random(seed)

    def make(self, *, tagged: bool = True) -> tuple[PushedManifest, list[bytes]]:
        """A manifest and the contents it needs, config first."""
        number = next(self._numbers)
        repository = f"{self._repository}-{number // _IMAGES_EACH}"
        named = {"architecture": "amd64", "os": "linux", "author": f"{self._name} {number}", "config": {}}
        config = json.dumps(named).encode()
        own = content_of(self.random.randint(*_LAYER_BYTES), self._seed * 100_000 + number)
        shared = [_shared_layer(each) for each in self.random.sample(range(_SHARED), self.random.randint(1, 2))]
        body = manifests.image(own, *shared, config=config)
        contents = [config, own, *shared]
        manifest = PushedManifest(
            repository=repository,
            body=body,
            media_type=manifests.OCI_MANIFEST,
            tag=f"{self._name}-{number}" if tagged else None,
            needs=tuple(f"/v2/{repository}/blobs/{digest_of(content)}" for content in contents),
        )
        return manifest, contents

    def churn(self) -> tuple[PushedManifest, list[bytes]]:
        """An image of one layer out of a few, whose config is out of a few too."""
        number = self.random.randrange(_CHURNED)
        config = json.dumps({"architecture": "amd64", "os": "linux", "author": f"{self._name} {number}"}).encode()
        contents = [config, content_of(3_000, self._seed * 100_000 - number)]
        manifest = PushedManifest(
            repository=self._repository,
            body=manifests.image(contents[1], config=config),
            media_type=manifests.OCI_MANIFEST,
            tag=f"{self._name}-{number}",
            needs=tuple(f"/v2/{self._repository}/blobs/{digest_of(content)}" for content in contents),
        )
        return manifest, contents

    def make_siblings(self) -> list[tuple[PushedManifest, list[bytes]]]:
        """Two images under no tag in one repository."""
        pair = [self.make(tagged=False) for _ in range(2)]
        return pair if pair[0][0].repository == pair[1][0].repository else self.make_siblings()

    def index(self, *children: PushedManifest) -> PushedManifest:
        """An index over images."""
        body = manifests.index(*(child.body for child in children), annotations={"of": children[0].digest})
        tag = f"{self._name}-index-{next(self._numbers)}"
        return PushedManifest(
            repository=children[0].repository,
            body=body,
            media_type=manifests.OCI_INDEX,
            tag=tag,
            needs=tuple(child.path for child in children),
        )


class Pushers:
    """All threads of a loop."""

    def __init__(self, instance: Instance, record: Record, repositories: list[str]) -> None:
        self.record = record
        self._instance = instance
        self._repositories = repositories
        self._stop = threading.Event()
        pushing: list[Callable[[Client, int], None]] = [self._push] * 3
        works = [*pushing, self._churn, self._churn, self._litter]
        self._threads = [
            threading.Thread(target=self._guarded, args=(work, number), name=f"{work.__name__}-{number}")
            for number, work in enumerate(works)
        ]

    def start(self) -> None:
        """Let them push."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each finish what it is at."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _guarded(self, work: Callable[[Client, int], None], number: int) -> None:
        client = Client(self._instance, self.record)
        try:
            work(client, number)
        except Exception as error:  # noqa: BLE001 - a pusher that dies must fail the test
            self.record.breach(f"pusher {number} died: {error!r}")
        finally:
            client.close()

    def _push(self, client: Client, number: int) -> None:
        repository = self._repositories[number % len(self._repositories)]
        maker = ImageMaker(repository, f"pusher{number}", number)
        standing: list[tuple[PushedManifest, ...]] = []
        while not self._stop.wait(maker.random.uniform(0.02, 0.3)):
            family = self._push_index(client, maker) if maker.random.random() < 0.2 else self._push_image(client, maker)
            if family and maker.random.random() > _KEPT:
                standing.append(family)
            if len(standing) > 4:
                client.delete_manifests(*standing.pop(maker.random.randrange(len(standing))))

    def _push_image(self, client: Client, maker: ImageMaker) -> tuple[PushedManifest, ...]:
        manifest, contents = maker.make()
        if maker.random.random() < 0.3:
            untagged = replace(manifest, tag=None)
            done = self._persist(client, maker, untagged, contents) and self._persist(client, maker, manifest, contents)
        else:
            done = self._persist(client, maker, manifest, contents)
        return (manifest,) if done else ()

    def _push_index(self, client: Client, maker: ImageMaker) -> tuple[PushedManifest, ...]:
        children = maker.make_siblings()
        index = maker.index(*(child for child, _ in children))
        for _ in range(_ATTEMPTS):
            if not all(self._persist(client, maker, *child) for child in children):
                break
            try:
                client.push_manifest(index)
            except StartAgainError:
                continue
            family = (index, *(child for child, _ in children))
            client.record.has_manifests(*family[1:])
            return family
        return ()

    def _persist(self, client: Client, maker: ImageMaker, manifest: PushedManifest, contents: list[bytes]) -> bool:
        """Push an image with all it needs, again from the start when a part is gone meanwhile."""
        for _ in range(_ATTEMPTS):
            try:
                for content in contents:
                    self._push_blob(client, maker, manifest.repository, content)
                client.push_manifest(manifest)
            except StartAgainError:
                continue
            return True
        self.record.breach(f"an image could not be pushed in {_ATTEMPTS} attempts")
        return False

    def _push_blob(self, client: Client, maker: ImageMaker, repository: str, content: bytes) -> None:
        others = [f"{each}-0" for each in self._repositories if each != repository]
        client.push_blob(repository, content, maker.random.choice(list(Way)), maker.random.choice(others))

    def _churn(self, client: Client, number: int) -> None:
        """Layers that are taken up again, slowly, long after their last image went and just before they are swept."""
        maker = ImageMaker(
            f"{self._repositories[number % len(self._repositories)]}-churned", f"churner{number}", number
        )
        while not self._stop.is_set():
            manifest, contents = maker.churn()
            for _ in range(_ATTEMPTS):
                try:
                    for content in contents:
                        client.push_blob(manifest.repository, content, Way.MONOLITHIC)
                    self._stop.wait(maker.random.uniform(0, _SLOW_SECONDS))
                    client.push_manifest(manifest)
                except StartAgainError:
                    continue
                client.delete_manifests(manifest)
                break

    def _litter(self, client: Client, number: int) -> None:
        """Blobs that no manifest will ever name, deleted blobs and given-up sessions: work for a collection."""
        repository = self._repositories[number % len(self._repositories)]
        for piece in itertools.count():
            if self._stop.wait(0.03):
                return
            content = f"litter {time.time_ns()} {piece}".encode().ljust(_SMALL, b".")
            try:
                client.push_blob(repository, content, Way.AT_ONCE)
                if piece % 20 == 0:
                    location = client.begin(repository)
                    client.request("PATCH", location, content=content, once=True)
                    client.request("DELETE", location)
            except Exception as error:  # noqa: BLE001 - whatever cut it short, littering goes on
                self.record.count(f"litter cut short: {type(error).__name__}")


def _shared_layer(number: int) -> bytes:
    return content_of(_LAYER_BYTES[0] * (number + 2) * 4, 7_000 + number)
