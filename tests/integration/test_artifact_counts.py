"""A repository counts the artifacts that its list shows by default, whatever was pushed and deleted in which order."""

import random
from collections.abc import Callable

import httpx
import pytest
import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.artifacts.models import Artifact
from app.artifacts.standing import RULE
from app.context import Context, Ports
from app.db import migrate
from app.garbage import lease
from app.garbage.contracts import GARBAGE_COLLECTION, GarbageInput, HeldLease, UntaggedStep
from app.garbage.untagged import UntaggedDeletion
from app.jobs.runs import JobRun
from tests.support.blobs import digest_of, push
from tests.support.manifests import EMPTY, artifact, image, index, push_image, push_manifest, put

NAME = "private/app"
REPOSITORY = "/projects/private/repositories/app"
PLACE = f"{REPOSITORY}/artifacts"


def stem(manifest: bytes) -> str:
    return digest_of(manifest).replace(":", "-")


def counts(admin: httpx.Client) -> tuple[int, int]:
    """What the repository counts, and what its list shows."""
    listed = admin.get(PLACE, params={"page_size": 1})
    assert listed.status_code == 200, listed.text
    (shown,) = admin.get("/projects/private/repositories").json()
    assert shown["artifact_count"] == admin.get(REPOSITORY).json()["artifact_count"]
    return shown["artifact_count"], int(listed.headers["X-Total-Count"])


def names(admin: httpx.Client, **query: str) -> list[str]:
    return sorted(shown["digest"] for shown in admin.get(PLACE, params=query).json())


def accessory_kinds(admin: httpx.Client) -> list[list[str]]:
    page = admin.get(PLACE, params={"with_accessory": "true"}).json()
    return [[accessory["type"] for accessory in shown["accessories"] or ()] for shown in page]


def test_an_image_for_two_platforms_is_one(admin: httpx.Client, registry: httpx.Client) -> None:
    children = [push_image(registry, NAME, seed=seed) for seed in (1, 2)]
    assert counts(admin) == (2, 2)
    parent = index(*children)
    push_manifest(registry, NAME, parent, "both")
    assert counts(admin) == (1, 1)
    push_manifest(registry, NAME, children[0], "amd64")
    assert counts(admin) == (2, 2)
    assert registry.delete(f"/v2/{NAME}/manifests/amd64").status_code == 202
    assert counts(admin) == (1, 1)
    assert admin.delete(f"{PLACE}/both").status_code == 200
    assert counts(admin) == (2, 2)


def test_a_tag_that_moves_away_leaves_a_child(admin: httpx.Client, registry: httpx.Client) -> None:
    first, second = (push_image(registry, NAME, "latest", seed=seed) for seed in (1, 2))
    push_manifest(registry, NAME, index(second), "index")
    assert counts(admin) == (3, 3)
    push_manifest(registry, NAME, first, "latest")
    assert counts(admin) == (2, 2)


@pytest.mark.parametrize("subject_first", [True, False])
def test_an_image_with_referrers_is_one(admin: httpx.Client, registry: httpx.Client, *, subject_first: bool) -> None:
    subject = image()
    push_image(registry, NAME, "other")
    push(registry, NAME, EMPTY)
    if subject_first:
        push_manifest(registry, NAME, subject, "1")
    push_manifest(registry, NAME, artifact(subject))
    push_manifest(registry, NAME, artifact(subject, "application/vnd.test.other"), "tagged")
    if not subject_first:
        push_manifest(registry, NAME, subject, "1")
    assert counts(admin) == (2, 2)


def test_a_query_widens_the_list_by_children_only(admin: httpx.Client, registry: httpx.Client) -> None:
    child = push_image(registry, NAME)
    parent = index(child)
    push_manifest(registry, NAME, parent, "all")
    push(registry, NAME, EMPTY)
    attached = artifact(parent)
    push_manifest(registry, NAME, attached, "signature")
    assert names(admin, q="base=*") == sorted([digest_of(parent), digest_of(child)])
    for hidden in (child, attached):
        assert names(admin, q=f"digest={digest_of(hidden)}") == []
    assert names(admin, q=f"digest={digest_of(child)},base=*") == [digest_of(child)]
    assert names(admin, q=f"digest={digest_of(parent)}") == [digest_of(parent)]


def collect_untagged(ports: Ports) -> None:
    """Delete what is untagged, as a collection does."""
    ctx, terms = Context(ports, SYSTEM), 60_000
    fence = lease.acquire(ctx, "test", terms)
    assert fence is not None
    asked = GarbageInput(window_ms=0, lease_ms=terms, delete_untagged=True, delete_tag=True)
    run = JobRun(ctx, "test", GARBAGE_COLLECTION.workflow)
    UntaggedDeletion(run, asked, UntaggedStep(lease=HeldLease(fence=fence))).run(lambda: True)
    assert lease.release(ctx, "test")


class Play:
    """Pushes and deletes at random, by the doors that clients have."""

    def __init__(self, seed: int, ports: Ports, registry: httpx.Client, admin: httpx.Client) -> None:
        self._random = random.Random(seed)
        self._ports, self._docker, self._admin = ports, registry, admin
        push(registry, NAME, EMPTY)
        self._made = [push_image(registry, NAME, "start")]
        self._steps: list[Callable[[], object]] = [
            self._image,
            self._index,
            self._index,
            self._referrer,
            self._early_referrer,
            self._tag,
            self._tag,
            self._cosign,
            self._cosign,
            self._early_cosign,
            self._untag,
            self._delete,
            self._delete_at_the_registry,
            self._collect,
        ]

    def step(self) -> str:
        chosen = self._random.choice(self._steps)
        chosen()
        return getattr(chosen, "__name__", "")

    def _pick(self) -> bytes:
        return self._random.choice(self._made[-12:])

    def _push(self, manifest: bytes, tag: str | None = None) -> None:
        answer = put(self._docker, NAME, manifest, tag)
        assert answer.status_code in (201, 400, 404), answer.text
        if answer.status_code == 201 and manifest not in self._made:
            self._made.append(manifest)

    def _some_tag(self) -> str | None:
        return self._random.choice([None, "a", "b", "c"])

    def _fresh(self) -> bytes:
        return artifact(annotations={"n": str(self._random.random())})

    def _image(self) -> None:
        self._push(self._fresh(), self._some_tag())

    def _index(self) -> None:
        self._push(index(*{self._pick() for _ in range(2)}), self._some_tag())

    def _referrer(self) -> None:
        self._push(artifact(self._pick()), self._some_tag())

    def _early_referrer(self) -> None:
        subject = self._fresh()
        self._push(artifact(subject))
        self._push(subject, self._some_tag())

    def _tag(self) -> None:
        self._push(self._pick(), self._some_tag())

    def _cosign(self) -> None:
        suffix = self._random.choice(["", ".sig", ".att", ".sbom"])
        self._push(self._random.choice([self._fresh(), self._pick()]), stem(self._pick()) + suffix)

    def _early_cosign(self) -> None:
        subject = self._fresh()
        self._push(self._fresh(), f"{stem(subject)}.sig")
        self._push(subject, self._some_tag())

    def _untag(self) -> None:
        tags = self._docker.get(f"/v2/{NAME}/tags/list").json()["tags"]
        if tags:
            self._docker.delete(f"/v2/{NAME}/manifests/{self._random.choice(tags)}")

    def _delete(self) -> None:
        answer = self._admin.delete(f"{PLACE}/{digest_of(self._pick())}")
        assert answer.status_code in (200, 404, 412), answer.text

    def _delete_at_the_registry(self) -> None:
        answer = self._docker.delete(f"/v2/{NAME}/manifests/{digest_of(self._pick())}")
        assert answer.status_code in (202, 404, 403), answer.text

    def _collect(self) -> None:
        collect_untagged(self._ports)


def wrong_standings(ports: Ports) -> list[str]:
    """Digests of artifacts whose stored standing is not what the rule says."""
    with ports.db.read() as session:
        return list(session.execute(sa.select(Artifact.digest).where(Artifact.standing != RULE)).scalars())


@pytest.mark.parametrize("seed", range(4))
def test_any_sequence_of_changes(admin: httpx.Client, registry: httpx.Client, ports: Ports, seed: int) -> None:
    play = Play(seed, ports, registry, admin)
    done = []
    for _ in range(60):
        done.append(play.step())
        counted, listed = counts(admin)
        assert counted == listed, done
        assert wrong_standings(ports) == [], done


def test_the_migration_counts_what_was_there_before(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    child, subject = push_image(registry, NAME), push_image(registry, NAME, "1", seed=1)
    push(registry, NAME, EMPTY)
    push_manifest(registry, NAME, index(child), "index")
    push_manifest(registry, NAME, artifact(subject))
    push_manifest(registry, NAME, artifact(), f"{stem(subject)}.sig")
    push_manifest(registry, NAME, index(artifact(subject)), stem(subject))
    push_manifest(registry, NAME, artifact(annotations={"lonely": "yes"}), f"sha256-{'0' * 64}.sig")
    before = accessory_kinds(admin)
    assert counts(admin) == (3, 3)
    migrate.downgrade(ports.db, "0007-1")
    with ports.db.read() as session:
        assert session.execute(sa.text("SELECT artifact_count FROM repository")).scalars().all() == [7]
    migrate.upgrade(ports.db)
    assert counts(admin) == (3, 3)
    assert wrong_standings(ports) == []
    assert accessory_kinds(admin) == before
