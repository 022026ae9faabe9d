"""Repositories and artifacts through their services: lists of constant cost, deletions and what they leave behind."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import sqlalchemy as sa

from app.access.principals import ANONYMOUS
from app.artifacts.listing import Parts
from app.artifacts.models import Artifact, ArtifactBlob, ManifestBody, ProjectBlob, Repository, RepositoryBlob, Tag
from app.artifacts.pushes import ManifestPush, PushService
from app.artifacts.repositories import ensure_repository
from app.artifacts.service import ArtifactService, RepositoryService
from app.context import Context, Ports
from app.core.digest import Digest
from app.core.errors import ManifestUnknown, PreconditionError, ReadOnly, RepositoryUnknown, UnauthenticatedError
from app.core.paging import OffsetPage
from app.core.query import Exact, ListQuery, SortKey
from app.core.reference import RepositoryName
from app.db import gate
from app.oci.manifests import parse_manifest
from app.projects.models import Project
from app.storage.models import Blob, ZeroReference
from tests.support.accounts import make_project, make_user
from tests.support.blobs import content_of, digest_of
from tests.support.manifests import CONFIG, EMPTY, artifact, image, index
from tests.support.queries import counted_statements

PROJECT, NAME = "team", "app/web"
FULL = RepositoryName(f"{PROJECT}/{NAME}")
EVERYTHING = Parts(tags=True, accessories=True)


@pytest.fixture(autouse=True)
def project(ports: Ports) -> int:
    """The private project ``team``."""
    make_user(ports, "root", sysadmin=True)
    return make_project(ports, PROJECT)


def hold(ctx: Context, name: str, *contents: bytes) -> None:
    """Make a repository hold blobs, as commits of uploads do."""
    stored = {row.digest for row in ctx.rows(sa.select(Blob.digest), {})}
    for content in contents:
        if digest_of(content) not in stored:
            ctx.ports.storage.put(digest_of(content)[7:39], content)
    with ctx.write() as session:
        project = session.execute(sa.select(Project.id).where(Project.name == name.partition("/")[0])).scalar_one()
        now = ctx.ports.clock.now()
        repository = ensure_repository(session, project_id=project, name=name, now=now)
        for content in contents:
            known = session.execute(sa.select(Blob.id).where(Blob.digest == digest_of(content))).scalar_one_or_none()
            if known is None:
                blob = Blob(
                    digest=digest_of(content), key=digest_of(content)[7:39], size=len(content), creation_time=now
                )
                session.add(blob)
                session.flush()
                known = blob.id
            session.add(RepositoryBlob(repository_id=repository, blob_id=known))
            session.add(ZeroReference(repository_id=repository, blob_id=known, since=0))


def push(ctx: Context, manifest: bytes, *tags: str, name: RepositoryName = FULL) -> str:
    parsed = parse_manifest(manifest, None)
    digest = Digest.of(manifest)
    PushService(ctx).push(ManifestPush(repository=name, manifest=parsed, body=manifest, digest=digest, tags=tags))
    return digest


def store_image(ctx: Context, *tags: str, seed: int = 0, name: RepositoryName = FULL) -> bytes:
    """Push an image by the use case; returns the manifest."""
    layer = content_of(50, seed)
    hold(ctx, name, layer)
    manifest = image(layer, config=layer)
    push(ctx, manifest, *tags, name=name)
    return manifest


def artifacts(ctx: Context, query: ListQuery | None = None, wanted: Parts = EVERYTHING) -> Sequence[str]:
    return [view.digest for view in ArtifactService(ctx).list_in(PROJECT, NAME, query or ListQuery(), wanted).items]


def count(ctx: Context, model: type) -> int:
    with ctx.read() as session:
        return session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


def project_row(ctx: Context) -> tuple[int, int]:
    with ctx.read() as session:
        row = session.execute(sa.select(Project.storage_used, Project.repo_count).where(Project.name == PROJECT)).one()
    return row.storage_used, row.repo_count


def test_the_view_of_an_artifact(ctx: Context) -> None:
    manifest = store_image(ctx, "v1", "v2")
    hold(ctx, FULL, EMPTY)
    signature = push(ctx, artifact(manifest, "application/vnd.cncf.notary.signature"))
    view = ArtifactService(ctx).find(PROJECT, NAME, "v1", EVERYTHING)
    assert (view.digest, view.kind, view.repository_name) == (digest_of(manifest), "IMAGE", FULL)
    assert {tag.name for tag in view.tags} == {"v1", "v2"}
    assert [(each.digest, each.kind, each.subject_artifact_digest) for each in view.accessories] == [
        (signature, "signature.notation", digest_of(manifest))
    ]
    assert view == ArtifactService(ctx).find(PROJECT, NAME, digest_of(manifest), EVERYTHING)


def test_the_list_leaves_out_accessories_and_untagged_children(ctx: Context) -> None:
    child, tagged = store_image(ctx), store_image(ctx, "child", seed=1)
    parent = push(ctx, index(child, tagged), "all")
    hold(ctx, FULL, EMPTY)
    push(ctx, artifact(child))
    assert artifacts(ctx) == [parent, digest_of(tagged)]
    view = ArtifactService(ctx).find(PROJECT, NAME, "all", Parts())
    assert [each.child_digest for each in view.references] == [digest_of(child), digest_of(tagged)]


@pytest.mark.parametrize(("tags", "expected"), [("*", {"v1"}), ("nil", set()), ("v1", {"v1"}), ("v2", set())])
def test_the_list_by_tag(ctx: Context, tags: str, expected: set[str]) -> None:
    tagged = digest_of(store_image(ctx, "v1"))
    untagged = digest_of(store_image(ctx, seed=1))
    found = set(artifacts(ctx, ListQuery().with_term("tags", Exact(value=tags))))
    assert found == ({tagged} if expected else {untagged} if tags == "nil" else set())


def test_pages_and_order(ctx: Context) -> None:
    pushed = [digest_of(store_image(ctx, seed=seed)) for seed in range(5)]
    newest_first = pushed[::-1]
    pages = [artifacts(ctx, ListQuery(page=OffsetPage(number=number, size=2))) for number in (1, 2, 3, 4)]
    assert pages == [newest_first[:2], newest_first[2:4], newest_first[4:], []]
    assert artifacts(ctx, ListQuery(sort=(SortKey(key="digest"),))) == sorted(pushed)


def test_lists_cost_the_same_for_any_page(ctx: Context, ports: Ports) -> None:
    costs = []
    for seeds in (range(1), range(1, 12)):
        for seed in seeds:
            manifest = store_image(ctx, f"v{seed}", seed=seed)
            hold(ctx, RepositoryName(f"{PROJECT}/r{seed}"), CONFIG)
            push(ctx, index(manifest), f"i{seed}")
        with counted_statements(ports.db) as statements:
            ArtifactService(ctx).list_in(PROJECT, NAME, ListQuery(page=OffsetPage(size=50)), EVERYTHING)
            RepositoryService(ctx).list_in(PROJECT, ListQuery(page=OffsetPage(size=50)))
        costs.append(len(statements))
    assert costs[0] == costs[1]


def test_what_does_not_exist(ctx: Context) -> None:
    assert artifacts(ctx) == []
    with pytest.raises(RepositoryUnknown):
        ArtifactService(ctx).find(PROJECT, NAME, "v1", EVERYTHING)
    store_image(ctx, "v1")
    for reference in ("v2", digest_of(b"x"), "sha256:bad"):
        with pytest.raises(ManifestUnknown):
            ArtifactService(ctx).find(PROJECT, NAME, reference, EVERYTHING)
    with pytest.raises(RepositoryUnknown):
        RepositoryService(ctx).find(PROJECT, "other")


def test_nobody_sees_a_private_project(ctx: Context, ports: Ports) -> None:
    store_image(ctx, "v1")
    nobody = Context(ports, ANONYMOUS)
    with pytest.raises(UnauthenticatedError):
        artifacts(nobody)
    assert RepositoryService(nobody).list_all(ListQuery()).items == []
    assert [each.name for each in RepositoryService(ctx).list_all(ListQuery()).items] == [FULL]


def test_deletion_takes_accessories_of_accessories(ctx: Context) -> None:
    other, manifest = store_image(ctx, "other", seed=1), store_image(ctx, "v1")
    hold(ctx, FULL, EMPTY)
    signature = artifact(manifest)
    push(ctx, signature, "signature")
    push(ctx, artifact(signature))
    ArtifactService(ctx).delete(PROJECT, NAME, "v1")
    assert artifacts(ctx) == [digest_of(other)]
    assert (count(ctx, Artifact), count(ctx, ManifestBody), count(ctx, Tag)) == (1, 1, 1)
    assert count(ctx, ZeroReference) == 2
    assert RepositoryService(ctx).find(PROJECT, NAME).artifact_count == 1


def test_an_index_protects_its_children(ctx: Context) -> None:
    child = store_image(ctx, "child")
    push(ctx, index(child), "all")
    with pytest.raises(PreconditionError):
        ArtifactService(ctx).delete(PROJECT, NAME, "child")
    ArtifactService(ctx).delete(PROJECT, NAME, "all")
    ArtifactService(ctx).delete(PROJECT, NAME, "child")
    assert count(ctx, Artifact) == 0


def test_deletion_of_a_repository_leaves_its_blobs_to_collection(ctx: Context) -> None:
    child = store_image(ctx, "v1")
    push(ctx, index(child), "all")
    shared = store_image(ctx, "v1", name=RepositoryName(f"{PROJECT}/other"))
    hold(ctx, FULL, content_of(99, 9))
    RepositoryService(ctx).delete(PROJECT, NAME)
    with pytest.raises(RepositoryUnknown):
        RepositoryService(ctx).find(PROJECT, NAME)
    assert (count(ctx, Repository), count(ctx, Artifact), count(ctx, ArtifactBlob)) == (1, 1, 1)
    assert (count(ctx, RepositoryBlob), count(ctx, ZeroReference), count(ctx, ProjectBlob)) == (1, 2, 1)
    assert project_row(ctx) == (50 + len(shared), 1)
    store_image(ctx, "v1", seed=2)
    assert project_row(ctx)[1] == 2


def test_charges_come_back_to_nothing(ctx: Context) -> None:
    for seed in range(3):
        store_image(ctx, f"v{seed}", seed=seed)
    assert project_row(ctx)[0] > 0
    RepositoryService(ctx).delete(PROJECT, NAME)
    assert project_row(ctx) == (0, 0)


def test_read_only_refuses_deletion(ctx: Context) -> None:
    store_image(ctx, "v1")
    with ctx.write() as session:
        gate.switch(session, on=True)
    with pytest.raises(ReadOnly):
        ArtifactService(ctx).delete(PROJECT, NAME, "v1")
    with pytest.raises(ReadOnly):
        RepositoryService(ctx).delete(PROJECT, NAME)


def test_pushes_side_by_side_lose_nothing(ctx: Context, ports: Ports) -> None:
    layers = [content_of(50, seed) for seed in range(8)]
    shared = content_of(51, 99)
    names = [RepositoryName(f"{PROJECT}/r{number}") for number in range(3)]
    for name in names:
        hold(ctx, name, shared, *layers)

    def work(number: int) -> str:
        own = Context(ports, ctx.principal)
        manifest = image(layers[number % 8], shared, config=shared)
        return push(own, manifest, "latest", f"v{number % 8}", name=names[number % 3])

    with ThreadPoolExecutor(8) as threads:
        pushed = set(threads.map(work, range(48)))
    assert len(pushed) == 8
    assert (count(ctx, Artifact), count(ctx, ZeroReference), count(ctx, ProjectBlob)) == (24, 0, 9)
    body = len(image(layers[0], shared, config=shared))
    assert project_row(ctx) == (24 * body + 8 * 50 + 51, 3)
    assert [RepositoryService(ctx).find(PROJECT, f"r{number}").artifact_count for number in range(3)] == [8, 8, 8]


def test_pushes_and_deletions_side_by_side_keep_the_books(ctx: Context, ports: Ports) -> None:
    layers = [content_of(50, seed) for seed in range(4)]
    names = [RepositoryName(f"{PROJECT}/r{number}") for number in range(2)]
    for name in names:
        hold(ctx, name, *layers)

    def work(number: int) -> None:
        own = Context(ports, ctx.principal)
        name = names[number % 2]
        digest = push(own, image(*layers[: 1 + number % 4], config=layers[0]), name=name)
        if number % 3 == 0:
            with suppress(ManifestUnknown):
                ArtifactService(own).delete(PROJECT, name.within_project, digest)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(60)))
    with ctx.read() as session:
        bodies = session.execute(sa.select(sa.func.coalesce(sa.func.sum(Artifact.manifest_size), 0))).scalar_one()
        referred = set(session.execute(sa.select(ArtifactBlob.blob_id)).scalars())
        charged = set(session.execute(sa.select(ProjectBlob.blob_id)).scalars())
        idle = session.execute(
            sa.select(sa.func.count())
            .select_from(RepositoryBlob)
            .where(
                ~sa.exists().where(
                    ArtifactBlob.blob_id == RepositoryBlob.blob_id,
                    ArtifactBlob.repository_id == RepositoryBlob.repository_id,
                )
            )
        ).scalar_one()
    assert charged == referred
    assert project_row(ctx)[0] == int(bodies) + 50 * len(charged)
    assert count(ctx, ZeroReference) == idle
