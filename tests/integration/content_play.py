"""Pushes, mounts, deletions, collections and crashes at random, by the doors that clients have."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.projects.models import Project
from app.quotas.recounting import RecountService
from tests.integration.content_rows import Kept, Pair, Rows, after_collection, charges_after, doomed, faults
from tests.support.blobs import content_of, digest_of
from tests.support.collections import collect, dry_run, let_time_pass
from tests.support.crashes import CrashError, crashing
from tests.support.manifests import EMPTY, artifact, descriptor, index, put

REPOSITORIES: Final = ("private/a", "private/b", "public/c")
_BLOBS: Final = [EMPTY, *(content_of(60 + seed, seed) for seed in range(6)), content_of(1_200_000, 7)]
_STATEMENTS: Final = 20
_OF_A_COLLECTION: Final = 150


class Play:
    """One installation that is played with; each step is checked against the rows before it."""

    def __init__(self, seed: int, ports: Ports, registry: httpx.Client, admin: httpx.Client) -> None:
        self._random = random.Random(seed)
        self._ports, self._docker, self._admin = ports, registry, admin
        self._bodies: dict[str, bytes] = {digest_of(content): content for content in _BLOBS}
        self._made: dict[str, list[bytes]] = {name: [] for name in REPOSITORIES}
        self._given: set[tuple[str, str]] = set()
        self._crashing = False
        self.done: list[str] = []
        self._changes: list[Callable[[], None]] = [
            *([self._image] * 4),
            *([self._index] * 3),
            *([self._tag] * 2),
            *([self._delete] * 2),
            self._blob,
            *([self._copy] * 2),
            self._mount,
            self._referrer,
            self._cosign,
            self._untag,
            self._delete_at_the_registry,
            self._unlink,
            self._delete_repository,
        ]

    def step(self) -> None:
        """Do something, and see that rows and counters are as they must be then."""
        chance = self._random.random()
        if chance >= 0.85 and self._random.random() < 0.7:
            self.done.append("time passes")
            let_time_pass(self._ports)
        before = Rows.of(self._ports)
        if chance < 0.68:
            self._change(before)
        elif chance < 0.75:
            self._change_in_a_full_project(before)
        elif chance < 0.85:
            self._crashed_change(before)
        elif chance < 0.95:
            self._collection(before)
        else:
            self._interrupted_collection(before)

    def pull_everything(self) -> None:
        """Pull each manifest by digest and tag, and each blob that a repository holds."""
        rows = Rows.of(self._ports)
        for one in rows.artifacts.values():
            self._pull(f"{rows.repositories[one.repository_id].name}/manifests/{one.digest}", one.digest)
        for tag in rows.tags.values():
            digest = rows.artifacts[tag.artifact_id].digest
            self._pull(f"{rows.repositories[tag.repository_id].name}/manifests/{tag.name}", digest)
        for repository_id, blob_id in rows.holdings:
            digest = rows.blobs[blob_id].digest
            self._pull(f"{rows.repositories[repository_id].name}/blobs/{digest}", digest)

    def _pull(self, path: str, digest: str) -> None:
        answer = self._docker.get(f"/v2/{path}")
        assert (answer.status_code, answer.content) == (200, self._bodies[digest]), (path, answer.status_code)

    def _change(self, before: Rows) -> None:
        self._given.clear()
        change = self._random.choice(self._changes)
        self.done.append(change.__name__)
        change()
        after = Rows.of(self._ports)
        self._require_sound(after)
        expected = charges_after(before, after, self._ids_of_given(after))
        assert after.charges == expected, f"charged {after.charges - expected}, not {expected - after.charges}"

    def _change_in_a_full_project(self, before: Rows) -> None:
        room = sa.update(Project).values(storage_limit=Project.storage_used + self._random.randrange(1500))
        self._set(room)
        self.done.append("with little room")
        try:
            self._change(before)
        finally:
            self._set(sa.update(Project).values(storage_limit=-1))

    def _crashed_change(self, before: Rows) -> None:
        self._given.clear()
        change = self._random.choice(self._changes)
        self.done.append(f"crash in {change.__name__}")
        with self._crash():
            change()
        after = Rows.of(self._ports)
        self._require_sound(after)
        least, most = (charges_after(before, after, given) for given in (set[Pair](), self._ids_of_given(after)))
        assert least <= after.charges <= most, f"charged {after.charges - most}, not {least - after.charges}"

    def _collection(self, before: Rows) -> None:
        untagged = self._random.random() < 0.7
        self.done.append(f"collection, untagged {untagged}")
        foreseen = dry_run(self._ports, untagged=untagged)
        deleted = collect(self._ports, untagged=untagged, workers=self._random.randrange(1, 4))
        self._require_kept(before, untagged=untagged)
        assert foreseen == deleted, f"foreseen {foreseen}, deleted {deleted}"
        self.pull_everything()

    def _interrupted_collection(self, before: Rows) -> None:
        """A crash or a stop somewhere, and another collection that finishes the work."""
        left = self._random.randrange(1, 12)

        def go_on() -> bool:
            nonlocal left
            left -= 1
            return left >= 0

        if self._random.random() < 0.5:
            self.done.append("crash in a collection")
            collect(self._ports, untagged=True, interrupted=self._crash(_OF_A_COLLECTION))
        else:
            self.done.append("stopped collection")
            collect(self._ports, untagged=True, go_on=go_on)
        self._require_sound(Rows.of(self._ports))
        collect(self._ports, untagged=True)
        self._require_kept(before, untagged=True)
        self.pull_everything()

    def _require_sound(self, rows: Rows) -> None:
        wrong = list(faults(rows))
        assert not wrong, wrong
        recounts = RecountService(Context(self._ports, SYSTEM)).recount_all(mend=False)
        assert not (different := [one for one in recounts if one.differs]), different

    def _require_kept(self, before: Rows, *, untagged: bool) -> None:
        """See that a collection of these rows, just over, has left what it must."""
        after = Rows.of(self._ports)
        self._require_sound(after)
        window = self._ports.settings.garbage.time_window
        gone = doomed(before, self._ports.clock.now() - window) if untagged else frozenset[int]()
        expected = after_collection(before, gone, int(window.total_seconds() * 1000))
        assert Kept.of(after) == expected, f"left {Kept.of(after)}, not {expected}"

    @contextmanager
    def _crash(self, statements: int = _STATEMENTS) -> Iterator[None]:
        """Let a statement or commit of the body fail, if there are so many."""
        self._crashing = True
        try:
            with crashing(self._ports.db.engine, self._random.randrange(1, statements)):
                yield
        finally:
            self._crashing = False

    def _set(self, statement: sa.Update) -> None:
        with self._ports.db.write() as session:
            session.execute(statement, execution_options={"synchronize_session": False})

    def _ids_of_given(self, rows: Rows) -> set[Pair]:
        projects = {row.name: row.id for row in rows.projects.values()}
        blobs = {row.digest: row.id for row in rows.blobs.values()}
        return {(projects[project], blobs[digest]) for project, digest in self._given if digest in blobs}

    def _expect(self, answer: httpx.Response, *statuses: int) -> bool:
        """Whether it succeeded; a crash is a success of the test alone."""
        if self._crashing and answer.status_code >= 500:
            raise CrashError
        assert answer.status_code in statuses, (self.done, answer.status_code, answer.text)
        return answer.status_code < 300

    def _repository(self) -> str:
        return self._random.choice(REPOSITORIES)

    def _some_tag(self) -> str | None:
        return self._random.choice([None, "a", "b", "c"])

    def _give(self, name: str, content: bytes) -> None:
        """Push or mount a blob; a full project refuses."""
        digest = digest_of(content)
        self._given.add((name.partition("/")[0], digest))
        query, sent = {"digest": digest}, content
        if self._random.random() < 0.4:
            query, sent = {"mount": digest, "from": self._random.choice(REPOSITORIES)}, b""
        answer = self._docker.post(f"/v2/{name}/blobs/uploads/", params=query, content=sent)
        if self._expect(answer, 201, 202, 403) and answer.status_code == 202:
            answer = self._docker.put(answer.headers["Location"], params={"digest": digest}, content=content)
            self._expect(answer, 201, 403)
        if answer.status_code != 201:
            self._given.discard((name.partition("/")[0], digest))

    def _push(self, name: str, manifest: bytes, tag: str | None = None) -> None:
        self._bodies[digest_of(manifest)] = manifest
        taken = self._expect(put(self._docker, name, manifest, tag), 201, 400, 403, 404)
        if taken and manifest not in self._made[name]:
            self._made[name].append(manifest)

    def _pick(self, name: str) -> bytes | None:
        made = self._made[name][-10:]
        return self._random.choice(made) if made else None

    def _blob(self) -> None:
        self._give(self._repository(), self._random.choice(_BLOBS))

    def _mount(self) -> None:
        query = {"mount": digest_of(self._random.choice(_BLOBS)), "from": self._repository()}
        name = self._repository()
        answer = self._docker.post(f"/v2/{name}/blobs/uploads/", params=query)
        self._given.add((name.partition("/")[0], query["mount"]))
        if not self._expect(answer, 201, 202, 403) or answer.status_code == 202:
            self._given.clear()

    def _image(self) -> None:
        name = self._repository()
        config, *layers = self._random.sample(_BLOBS, self._random.randrange(2, 4))
        for content in (config, *layers):
            self._give(name, content)
        manifest = artifact(
            annotations={"n": str(self._random.randrange(3))},
            config=descriptor(config, "application/vnd.test.config"),
            layers=[descriptor(layer) for layer in layers],
        )
        self._push(name, manifest, self._some_tag())

    def _index(self) -> None:
        name = self._repository()
        children = {child for child in (self._pick(name), self._pick(name)) if child is not None}
        self._push(name, index(*sorted(children)), self._some_tag())

    def _fresh(self, name: str, subject: bytes | None = None) -> bytes:
        self._give(name, EMPTY)
        return artifact(subject, annotations={"n": str(self._random.randrange(4))})

    def _referrer(self) -> None:
        name = self._repository()
        self._push(name, self._fresh(name, self._pick(name)), self._some_tag())

    def _cosign(self) -> None:
        name = self._repository()
        subject, signature = self._pick(name), self._random.choice([self._pick(name), self._fresh(name)])
        if subject is not None and signature is not None:
            suffix = self._random.choice(["", ".sig", ".att"])
            self._push(name, signature, digest_of(subject).replace(":", "-") + suffix)

    def _tag(self) -> None:
        name = self._repository()
        manifest = self._pick(name)
        if manifest is not None:
            self._push(name, manifest, self._some_tag())

    def _copy(self) -> None:
        source, name = self._repository(), self._repository()
        manifest = self._pick(source)
        if manifest is not None:
            path, query = (
                f"/projects/{name.replace('/', '/repositories/')}/artifacts",
                f"{source}@{digest_of(manifest)}",
            )
            if self._expect(self._admin.post(path, params={"from": query}), 201, 403, 404):
                self._made[name].append(manifest)

    def _untag(self) -> None:
        name, tag = self._repository(), self._random.choice(["a", "b", "c"])
        self._expect(self._docker.delete(f"/v2/{name}/manifests/{tag}"), 202, 404)

    def _delete(self) -> None:
        name = self._repository()
        manifest = self._pick(name)
        if manifest is not None:
            path = f"/projects/{name.replace('/', '/repositories/')}/artifacts/{digest_of(manifest)}"
            self._expect(self._admin.delete(path), 200, 404, 412)

    def _delete_at_the_registry(self) -> None:
        name = self._repository()
        manifest = self._pick(name)
        if manifest is not None:
            self._expect(self._docker.delete(f"/v2/{name}/manifests/{digest_of(manifest)}"), 202, 403, 404)

    def _unlink(self) -> None:
        digest = digest_of(self._random.choice(_BLOBS))
        self._expect(self._docker.delete(f"/v2/{self._repository()}/blobs/{digest}"), 202, 403, 404)

    def _delete_repository(self) -> None:
        self._expect(self._admin.delete(f"/projects/{self._repository().replace('/', '/repositories/')}"), 200, 404)
