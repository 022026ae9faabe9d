"""The history of tags: what each pointed at, since when and by whom, and how a tag is restored."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts import tag_history
from app.artifacts.models import TagRecord
from app.artifacts.tag_history import AGE, KEPT, trim
from app.context import Context, Ports
from app.garbage.contracts import PurgeInput
from app.garbage.uploads import UploadPurge
from app.jobs.runs import JobRun
from tests.integration.conftest import Caller
from tests.integration.content_rows import Rows, faults
from tests.integration.test_artifact_counts import collect_untagged
from tests.support.blobs import digest_of
from tests.support.clock import MovableClock
from tests.support.manifests import index, push_image, push_manifest
from tests.support.people import People

NAME = "private/app"
REPOSITORY = "/projects/private/repositories/app"
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def history(admin: httpx.Client, tag: str = "1", **parameters: str) -> list[dict[str, Any]]:
    answer = admin.get(f"{REPOSITORY}/tags/{tag}/history", params=parameters)
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def told(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Digest, action, how it ended, and whether it can be restored."""
    return [(row["digest"], row["action"], row.get("ended"), row["available"]) for row in rows]


def restore(client: httpx.Client, record: object, tag: str = "1") -> httpx.Response:
    return client.post(f"{REPOSITORY}/tags/{tag}/history/{record}/restore")


def test_a_tag_tells_what_it_pointed_at(admin: httpx.Client, registry: httpx.Client, people: People) -> None:
    first = push_image(registry, NAME, "1", seed=1)
    push_manifest(registry, NAME, first, "1")
    registry.auth = httpx.BasicAuth(*people["developer"].credentials)
    second = push_image(registry, NAME, "1", seed=2)
    registry.auth = httpx.BasicAuth(*people["maintainer"].credentials)
    assert registry.delete(f"/v2/{NAME}/manifests/1").status_code == 202
    push_manifest(registry, NAME, first, "1")
    rows = history(admin)
    one, two = digest_of(first), digest_of(second)
    assert told(rows) == [
        (one, "pushed", None, True),
        (two, "deleted", None, True),
        (two, "pushed", "deleted", True),
        (one, "pushed", "moved", True),
    ]
    assert [row["operator"] for row in rows] == ["maintainer", "maintainer", "developer", "admin"]
    assert [row.get("ended_by") for row in rows] == [None, None, "maintainer", "developer"]
    assert rows[3]["end_time"] == rows[2]["time"]
    page = admin.get(f"{REPOSITORY}/tags/1/history", params={"page_size": "2", "page": "2"})
    assert (page.json(), page.headers["X-Total-Count"]) == (rows[2:], "4")


def test_an_earlier_artifact_is_restored(
    admin: httpx.Client, registry: httpx.Client, caller: Caller, ports: Ports
) -> None:
    first, second = (push_image(registry, NAME, "1", seed=seed) for seed in (1, 2))
    record = history(admin)[1]["id"]
    assert restore(caller("developer"), record).status_code == 200
    assert registry.get(f"/v2/{NAME}/manifests/1").content == first
    assert restore(admin, record).status_code == 200, "as it is already"
    one, two = digest_of(first), digest_of(second)
    assert told(history(admin)) == [
        (one, "restored", None, True),
        (two, "pushed", "moved", True),
        (one, "pushed", "moved", True),
    ]
    assert registry.delete(f"/v2/{NAME}/manifests/1").status_code == 202
    assert restore(admin, history(admin)[2]["id"]).status_code == 200
    assert registry.get(f"/v2/{NAME}/manifests/1").content == second
    lines = admin.get("/projects/private/logs", params={"q": "resource_type=tag"}).json()
    assert [(line["operation"], line["username"]) for line in lines] == [
        ("create", "admin"),
        ("delete", "admin"),
        ("update", "developer"),
    ]
    assert list(faults(Rows.of(ports))) == []


def test_what_is_gone_is_told(admin: httpx.Client, registry: httpx.Client, ctx: Context, ports: Ports) -> None:
    first = push_image(registry, NAME, "1", seed=1)
    push_image(registry, NAME, "1", seed=2)
    collect_untagged(ctx.ports)
    gone = history(admin)[1]
    assert (gone["digest"], gone["available"]) == (digest_of(first), False)
    answer = restore(admin, gone["id"])
    assert answer.status_code == 412
    assert f"{digest_of(first)} is gone" in answer.json()["errors"][0]["message"]
    assert len(history(admin)) == 2
    push_image(registry, NAME, seed=1)
    assert restore(admin, gone["id"]).status_code == 200
    assert registry.get(f"/v2/{NAME}/manifests/1").content == first
    assert list(faults(Rows.of(ports))) == []


def test_a_deleted_artifact_ends_the_history_of_its_tags(admin: httpx.Client, registry: httpx.Client) -> None:
    image = push_image(registry, NAME, "1", seed=1)
    push_manifest(registry, NAME, image, "2")
    push_image(registry, NAME, "other", seed=2)
    assert admin.delete(f"{REPOSITORY}/artifacts/1").status_code == 200
    for tag in ("1", "2"):
        assert told(history(admin, tag)) == [
            (digest_of(image), "deleted", None, False),
            (digest_of(image), "pushed", "deleted", False),
        ]
    assert admin.delete(REPOSITORY).status_code == 200
    assert admin.get(f"{REPOSITORY}/tags/1/history").status_code == 404
    push_image(registry, NAME, "other", seed=3)
    assert len(history(admin, "other")) == 1, "a new repository has no old history"
    assert admin.get(f"{REPOSITORY}/tags/1/history").status_code == 404


@ONE
@pytest.mark.parametrize(
    ("tag", "record", "status"), [("1", "777", 404), ("2", "{}", 404), ("1", "x", 422), ("a%00b", "1", 400)]
)
def test_what_is_unknown_is_not_restored(
    admin: httpx.Client, registry: httpx.Client, tag: str, record: str, status: int
) -> None:
    push_image(registry, NAME, "1")
    push_image(registry, NAME, "2", seed=2)
    push_image(registry, "private/other", "1", seed=2)
    number = history(admin)[0]["id"]
    assert restore(admin, record.format(number), tag).status_code == status
    assert admin.post(f"{REPOSITORY.replace('app', 'other')}/tags/1/history/{number}/restore").status_code == 404
    assert admin.get(f"{REPOSITORY}/tags/none/history").status_code == 404
    assert admin.get(f"{REPOSITORY.replace('app', 'none')}/tags/1/history").status_code == 404


@ONE
def test_names_are_shown_to_members_only(caller: Caller, registry: httpx.Client) -> None:
    push_image(registry, "public/app", "1")
    path = "/projects/public/repositories/app/tags/1/history"
    for who, expected in ((None, 401), ("stranger", 403), ("limited", 200)):
        assert caller(who).get(path).status_code == expected
    for who, expected in ((None, 401), ("guest", 403), ("developer", 404)):
        assert caller(who).post(f"{path}/777/restore").status_code == expected


def rows_of(ctx: Context) -> list[tuple[str, str]]:
    with ctx.read() as session:
        statement = sa.select(TagRecord.name, TagRecord.action).order_by(TagRecord.id)
        return [(row.name, row.action) for row in session.execute(statement)]


def test_the_history_is_trimmed(
    registry: httpx.Client, ctx: Context, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = [push_image(registry, NAME, seed=seed) for seed in (1, 2)]
    for turn in range(7):
        push_manifest(registry, NAME, images[turn % 2], "busy")
    push_manifest(registry, NAME, images[0], "calm")
    push_manifest(registry, NAME, images[0], "gone")
    assert registry.delete(f"/v2/{NAME}/manifests/gone").status_code == 202
    trim(ctx, lambda: True)
    assert len(rows_of(ctx)) == 10 <= KEPT
    monkeypatch.setattr(tag_history, "KEPT", 3)
    trim(ctx, lambda: True)
    others = [("calm", "pushed"), ("gone", "pushed"), ("gone", "deleted")]
    assert rows_of(ctx) == [*[("busy", "pushed")] * 3, *others]
    clock.forward((AGE + timedelta(seconds=1)).total_seconds())
    trim(ctx, lambda: False)
    assert len(rows_of(ctx)) == 6
    UploadPurge(JobRun(ctx, "none", "UploadPurge"), PurgeInput()).run(lambda: True)
    assert rows_of(ctx) == [("busy", "pushed"), ("calm", "pushed")], "what tags point at stays"


def test_tags_that_name_accessories_have_a_history_too(admin: httpx.Client, registry: httpx.Client) -> None:
    image = push_image(registry, NAME, "1", seed=1)
    name = digest_of(image).replace(":", "-") + ".sig"
    push_image(registry, NAME, name, seed=2)
    push_manifest(registry, NAME, index(image), "2")
    registry.delete(f"/v2/{NAME}/manifests/2")
    assert [row["action"] for row in history(admin, name)] == ["pushed"]
