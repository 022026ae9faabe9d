"""Two changes of labels at once: the later one finds what the earlier one left."""

from collections.abc import Callable

import httpx
import pytest

from app.artifacts.label_rows import MOST_LABELS
from app.artifacts.labels import ArtifactLabelService, RepositoryLabelService
from app.artifacts.models import ArtifactLabel, RepositoryLabel
from app.artifacts.service import ArtifactService, RepositoryService
from app.context import Context, Ports
from app.core.errors import ConflictError, LimitError, NotFoundError
from app.labels.models import Label
from app.labels.service import LabelFields, LabelService
from tests.support.contents import count
from tests.support.labels import make_label
from tests.support.manifests import push_image
from tests.support.overlap import overlapped

Act = Callable[[Context, int], object]
ACTS: dict[str, Act] = {
    "artifact": lambda ctx, label_id: ArtifactLabelService(ctx).add("private", "app", "1", label_id),
    "repository": lambda ctx, label_id: RepositoryLabelService(ctx).add("private", "app", label_id),
}
both = pytest.mark.parametrize("add", ACTS.values(), ids=ACTS.keys())


@pytest.fixture
def label_id(admin: httpx.Client, registry: httpx.Client) -> int:
    """A label, beside an image that does not have it."""
    push_image(registry, "private/app", "1")
    return make_label(admin, "stable")


def marks(ctx: Context) -> int:
    return count(ctx, ArtifactLabel) + count(ctx, RepositoryLabel)


@both
def test_a_label_that_is_deleted_meanwhile_is_not_added(ports: Ports, ctx: Context, label_id: int, add: Act) -> None:
    with pytest.raises(NotFoundError, match=f"label {label_id} not found"):
        overlapped(ports, lambda first: LabelService(first).delete(label_id), lambda second: add(second, label_id))
    assert marks(ctx) == 0


@both
def test_a_label_that_is_added_meanwhile_is_deleted_with_it(
    ports: Ports, ctx: Context, label_id: int, add: Act
) -> None:
    overlapped(ports, lambda first: add(first, label_id), lambda second: LabelService(second).delete(label_id))
    assert (marks(ctx), count(ctx, Label)) == (0, 0)


@both
def test_the_same_label_is_added_once(ports: Ports, ctx: Context, label_id: int, add: Act) -> None:
    with pytest.raises(ConflictError, match="has the label stable already"):
        overlapped(ports, lambda first: add(first, label_id), lambda second: add(second, label_id))
    assert marks(ctx) == 1


@both
def test_the_bound_holds(admin: httpx.Client, ports: Ports, ctx: Context, label_id: int, add: Act) -> None:
    for number in range(MOST_LABELS - 1):
        add(ctx, make_label(admin, str(number)))
    other = make_label(admin, "other")
    with pytest.raises(LimitError):
        overlapped(ports, lambda first: add(first, other), lambda second: add(second, label_id))
    assert marks(ctx) == MOST_LABELS


@both
def test_what_is_deleted_meanwhile_gets_no_label(ports: Ports, ctx: Context, label_id: int, add: Act) -> None:
    with pytest.raises(NotFoundError, match="repository private/app not found"):
        overlapped(
            ports,
            lambda first: RepositoryService(first).delete("private", "app"),
            lambda second: add(second, label_id),
        )
    assert marks(ctx) == 0


def test_an_artifact_is_deleted_with_the_label_that_it_gets_meanwhile(
    ports: Ports, ctx: Context, label_id: int
) -> None:
    overlapped(
        ports,
        lambda first: ACTS["artifact"](first, label_id),
        lambda second: ArtifactService(second).delete("private", "app", "1"),
    )
    assert marks(ctx) == 0


@pytest.mark.parametrize("project", [None, "private"])
def test_a_name_is_given_once(admin: httpx.Client, ports: Ports, ctx: Context, project: str | None) -> None:
    project_id = admin.get("/projects/private").json()["project_id"] if project else 0
    scope, fields = "p" if project else "g", LabelFields(name="stable")

    def create(caller: Context) -> int:
        return LabelService(caller).create(scope, project_id, fields)

    with pytest.raises(ConflictError, match="a label named stable exists already"):
        overlapped(ports, create, create)
    assert count(ctx, Label) == 1


def test_a_name_is_not_taken_by_a_change_either(admin: httpx.Client, ports: Ports) -> None:
    first, second = make_label(admin, "first"), make_label(admin, "second")
    with pytest.raises(ConflictError):
        overlapped(
            ports,
            lambda ctx: LabelService(ctx).update(first, LabelFields(name="same")),
            lambda ctx: LabelService(ctx).update(second, LabelFields(name="same")),
        )
    assert [admin.get(f"/labels/{label_id}").json()["name"] for label_id in (first, second)] == ["same", "second"]
