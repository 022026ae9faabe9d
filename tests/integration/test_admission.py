"""Each verb's checks refuse through every way that leads to it, and nothing has changed then."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.admission import admission, require_rows
from app.artifacts import subjects
from app.artifacts.models import (
    Artifact,
    ArtifactBlob,
    ArtifactChild,
    ProjectBlob,
    Repository,
    RepositoryBlob,
    Tag,
)
from app.artifacts.subjects import ContentSubject
from app.audit.models import AuditLog
from app.configuration.subjects import ConfigurationUpdate
from app.context import Context, Ports
from app.core.errors import DeniedError, InternalError
from app.core.plugins import Verb
from app.events.refusals import AccessDenied, PushDenied
from app.projects.models import Project
from app.settings import Settings
from app.storage.models import Blob, Upload, ZeroReference
from app.wiring import build
from tests.integration.conftest import Caller
from tests.integration.test_artifact_counts import collect_untagged
from tests.support.blobs import SESSIONS, begin, content_of, digest_of, push
from tests.support.manifests import index, push_image, put

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NAME = "private/app"
ARTIFACTS = "/projects/private/repositories/app/artifacts"
LONE = content_of(70, 70)
"""A blob that no artifact refers to."""
NEW = content_of(2 * 1024 * 1024, 71)
"""A blob that is not small, and that nobody has."""
CONTENT = (
    Project,
    Repository,
    Artifact,
    ArtifactBlob,
    ArtifactChild,
    Tag,
    RepositoryBlob,
    ProjectBlob,
    ZeroReference,
    Upload,
    Blob,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Content and the administrator's clients."""

    registry: httpx.Client
    api: httpx.Client
    ctx: Context
    manifest: bytes
    """Of the artifact that has the tag ``1``."""
    untagged: bytes


@pytest.fixture
def scene(registry: httpx.Client, caller: Caller, ctx: Context) -> Scene:
    """An artifact with a tag, one without, and a lone blob."""
    manifest = push_image(registry, NAME, "1")
    untagged = push_image(registry, NAME, seed=1)
    push(registry, NAME, LONE)
    put(registry, NAME, untagged, "moved")
    put(registry, NAME, manifest, "moved")
    return Scene(registry=registry, api=caller("admin"), ctx=ctx, manifest=manifest, untagged=untagged)


def again(scene: Scene, reference: str) -> httpx.Response:
    return put(scene.registry, NAME, scene.manifest, reference)


def place(scene: Scene, reference: str | None = None) -> str:
    return f"/v2/{NAME}/manifests/{reference or digest_of(scene.manifest)}"


def patched(scene: Scene) -> httpx.Response:
    return scene.registry.patch(begin(scene.registry, NAME), content=NEW)


def finished(scene: Scene, content: bytes) -> httpx.Response:
    location = begin(scene.registry, NAME)
    return scene.registry.put(location, params={"digest": digest_of(content)}, content=content)


def whole(scene: Scene, content: bytes) -> httpx.Response:
    return scene.registry.post(SESSIONS.format(name=NAME), params={"digest": digest_of(content)}, content=content)


def mounted(scene: Scene, **source: str) -> httpx.Response:
    return scene.registry.post(SESSIONS.format(name="private/b"), params={"mount": digest_of(LONE), **source})


def copied(scene: Scene, source: str) -> httpx.Response:
    return scene.api.post("/projects/private/repositories/b/artifacts", params={"from": source})


def restored(scene: Scene) -> httpx.Response:
    place = "/projects/private/repositories/app/tags/moved/history"
    oldest = scene.api.get(place).json()[-1]["id"]
    return scene.api.post(f"{place}/{oldest}/restore")


WAYS: dict[Verb, dict[str, Callable[[Scene], httpx.Response | None]]] = {
    Verb.PUSH: {
        "a new manifest by tag": lambda scene: put(scene.registry, NAME, index(scene.manifest), "2"),
        "a new manifest by digest": lambda scene: put(scene.registry, NAME, index(scene.manifest)),
        "a new manifest into another repository": lambda scene: put(scene.registry, "private/b", index(), "1"),
        "a copy": lambda scene: copied(scene, f"{NAME}:1"),
        "a known manifest": lambda scene: again(scene, digest_of(scene.manifest)),
    },
    Verb.UPLOAD: {
        "the first part": patched,
        "a large body with the end": lambda scene: finished(scene, NEW),
        "a small body with the end": lambda scene: finished(scene, content_of(10, 9)),
        "nothing at all": lambda scene: finished(scene, b""),
        "a large body at once": lambda scene: whole(scene, NEW),
        "a small body at once": lambda scene: whole(scene, content_of(10, 9)),
    },
    Verb.MOUNT: {
        "from a repository": lambda scene: mounted(scene, **{"from": NAME}),
        "from anywhere": mounted,
        "a copy": lambda scene: copied(scene, f"{NAME}:1"),
    },
    Verb.PULL: {
        "a manifest by tag": lambda scene: scene.registry.get(place(scene, "1")),
        "a manifest by digest": lambda scene: scene.registry.get(place(scene)),
        "whether there is a manifest": lambda scene: scene.registry.head(place(scene)),
        "a blob": lambda scene: scene.registry.get(f"/v2/{NAME}/blobs/{digest_of(LONE)}"),
    },
    Verb.TAG: {
        "a new tag": lambda scene: again(scene, "2"),
        "a tag that moves": lambda scene: put(scene.registry, NAME, scene.untagged, "1"),
        "tags of a push by digest": lambda scene: scene.registry.put(
            place(scene), params={"tag": ["1", "2"]}, content=scene.manifest
        ),
        "a new manifest": lambda scene: put(scene.registry, NAME, index(scene.manifest), "2"),
        "the API": lambda scene: scene.api.post(f"{ARTIFACTS}/1/tags", json={"name": "2"}),
        "a restoration": restored,
        "a copy by tag": lambda scene: copied(scene, f"{NAME}:1"),
    },
    Verb.UNTAG: {
        "the protocol": lambda scene: scene.registry.delete(place(scene, "1")),
        "the API": lambda scene: scene.api.delete(f"{ARTIFACTS}/1/tags/1"),
    },
    Verb.DELETE: {
        "the protocol": lambda scene: scene.registry.delete(place(scene)),
        "the protocol, a blob": lambda scene: scene.registry.delete(f"/v2/{NAME}/blobs/{digest_of(LONE)}"),
        "the API by tag": lambda scene: scene.api.delete(f"{ARTIFACTS}/1"),
        "the API by digest": lambda scene: scene.api.delete(f"{ARTIFACTS}/{digest_of(scene.manifest)}"),
        "the collection": lambda scene: collect_untagged(scene.ctx.ports),
    },
    Verb.DELETE_REPOSITORY: {
        "the API": lambda scene: scene.api.delete("/projects/private/repositories/app"),
    },
    Verb.COPY: {
        "into another repository": lambda scene: copied(scene, f"{NAME}:1"),
        "into another repository, by digest": lambda scene: copied(scene, f"{NAME}@{digest_of(scene.manifest)}"),
    },
}
"""An upload's later parts and a pusher's HEAD of a blob are asked about nothing."""
CASES = [(verb, way) for verb, ways in WAYS.items() for way in ways]


def content(ctx: Context) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of content."""
    with ctx.read() as session:
        return {
            model.__tablename__: sorted(tuple(row) for row in session.execute(sa.select(model.__table__)))
            for model in CONTENT
        }


def plant(ports: Ports, verb: str) -> list[Any]:
    """A check that refuses the verb; returns what it was asked about."""
    asked: list[Any] = []

    def refuse(_ctx: Context, subject: ContentSubject) -> None:
        asked.append(subject)
        raise DeniedError(f"planted for {verb}")

    table: Any = ports.admission
    table[verb] = (refuse,)
    return asked


@pytest.mark.parametrize(("verb", "way"), CASES, ids=[f"{verb}, {way}" for verb, way in CASES])
def test_a_check_refuses_through_every_way(scene: Scene, ports: Ports, verb: Verb, way: str) -> None:
    asked = plant(ports, verb)
    before = content(scene.ctx)
    answer = WAYS[verb][way](scene)
    assert content(scene.ctx) == before
    assert [type(subject).verb for subject in asked] == [verb]
    assert asked[0].repository in (NAME, "private/b")
    if answer is not None:
        assert answer.status_code == 403
        assert answer.request.method == "HEAD" or f"planted for {verb}" in answer.text
    with scene.ctx.read() as session:
        resources = session.execute(sa.select(AuditLog.resource).where(AuditLog.success.is_(sa.false()))).scalars()
        assert list(resources) == [asked[0].denial.resource]


@pytest.mark.parametrize(("verb", "way"), CASES, ids=[f"{verb}, {way}" for verb, way in CASES])
@ONE
def test_without_the_check_each_way_leads_there(scene: Scene, verb: Verb, way: str) -> None:
    before = content(scene.ctx)
    answer = WAYS[verb][way](scene)
    assert answer is None or answer.is_success, answer.text
    if verb is not Verb.PULL and way != "a known manifest":
        assert content(scene.ctx) != before


def test_every_verb_has_ways_or_none_yet() -> None:
    assert {*WAYS, Verb.CONFIGURE} == set(Verb) == set(admission()), "of the configuration: test_configurations.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing(ContentSubject):
    """A subject of a verb that exists only in these tests."""

    verb = "sign"  # type: ignore[assignment]
    denial_class = PushDenied  # type: ignore[mutable-override]


class TestPlaces:
    """A verb is a member, a row and a class; a forgotten one is told."""

    @ONE
    def test_a_class_and_a_row_are_asked(self, ctx: Context, ports: Ports) -> None:
        asked = plant(ports, "sign")
        with pytest.raises(DeniedError, match="planted for sign"):
            ctx.admit(Signing(project_id=1, repository=NAME))
        with pytest.raises(DeniedError, match="planted for sign"):
            ctx.admit(Signing(project_id=1, repository="private/dry"), recorded=False)
        assert [subject.repository for subject in asked] == [NAME, "private/dry"]
        with ctx.read() as session:
            resources = session.execute(sa.select(AuditLog.resource).where(AuditLog.success.is_(sa.false()))).scalars()
            assert list(resources) == [NAME]
        assert isinstance(asked[0].denial, AccessDenied)

    @ONE
    def test_an_unknown_verb_raises(self, ctx: Context) -> None:
        with pytest.raises(InternalError, match="sign"):
            ctx.admit(Signing(project_id=1, repository=NAME))

    @ONE
    def test_a_class_without_a_row_does_not_start(self, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
        monkeypatch.setattr(subjects, "Signing", Signing, raising=False)
        with pytest.raises(InternalError, match=r"row .* sign"):
            build(settings)

    def test_what_else_may_be_forgotten(self) -> None:
        classes: list[type[Any]] = [*subjects.subjects(), ConfigurationUpdate]
        table = dict(admission())
        with pytest.raises(InternalError, match=r"row .* copy"):
            require_rows({verb: () for verb in table if verb != "copy"}, Verb, classes)
        with pytest.raises(InternalError, match=r"class .* copy"):
            require_rows(table, Verb, [kind for kind in classes if kind.verb != "copy"])
        with pytest.raises(InternalError, match=r"verb .* sign"):
            require_rows({**table, "sign": ()}, Verb, classes)
        require_rows({**table, "sign": ()}, [*Verb, "sign"], [*classes, Signing])
