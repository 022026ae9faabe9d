"""Lists have bounds in rows and in bytes, whatever was pushed."""

import json
from typing import cast

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Artifact, ArtifactChild
from app.context import Context, Ports
from app.identity.models import UserGroup
from tests.integration.conftest import Caller
from tests.support.blobs import digest_of, push
from tests.support.manifests import (
    CONFIG,
    EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    artifact,
    descriptor,
    image,
    index,
    push_image,
    push_manifest,
)

LARGEST = 4 * 1024 * 1024
NAME = "public/app"
PLACE = "/projects/public/repositories/app/artifacts"


@pytest.fixture
def docker(registry: httpx.Client) -> httpx.Client:
    """The administrator's client of the registry, after its pushes of two configs."""
    push(registry, NAME, CONFIG)
    push(registry, NAME, EMPTY)
    return registry


def test_large_annotations_are_whole_in_the_artifact_and_left_out_of_lists(
    caller: Caller, docker: httpx.Client
) -> None:
    nobody = caller(None)
    pushed = {}
    for number in range(12):
        annotations = {"large": chr(ord("a") + number) * 3_700_000}
        manifest = image(annotations=annotations)
        push_manifest(docker, NAME, manifest, f"t{number}")
        pushed[digest_of(manifest)] = annotations
    small = image(annotations={"small": "é" * 100})
    push_manifest(docker, NAME, small, "small")
    for size in ("100", "20", "0"):
        listed = nobody.get(PLACE, params={"page_size": size})
        assert len(listed.content) < LARGEST
        shown = {each["digest"]: each.get("annotations") for each in listed.json()}
        assert shown == {**dict.fromkeys(pushed), digest_of(small): {"small": "é" * 100}}
    for digest, annotations in list(pushed.items())[:2]:
        assert nobody.get(f"{PLACE}/{digest}").json()["annotations"] == annotations


def test_large_facts_are_shortened_in_lists(caller: Caller, docker: httpx.Client) -> None:
    nobody = caller(None)
    config = json.dumps(
        {"architecture": "arm64", "os": "linux", "author": "me", "config": {"Labels": {"l": "x" * 200_000}}}
    ).encode()
    push(docker, NAME, config)
    push_manifest(docker, NAME, image(config=config), "1")
    (listed,) = nobody.get(PLACE, params={"page_size": 100}).json()
    assert listed["extra_attrs"] == {"architecture": "arm64", "os": "linux", "author": "me", "created": None}
    alone = nobody.get(f"{PLACE}/1").json()
    assert alone["extra_attrs"]["config"] == {"Labels": {"l": "x" * 200_000}}


def test_a_child_that_is_named_very_often_is_one_child(caller: Caller, docker: httpx.Client, ports: Ports) -> None:
    nobody = caller(None)
    child, other = image(annotations={"n": "1"}), image(annotations={"n": "2"})
    for each in (child, other):
        push_manifest(docker, NAME, each)
    entry = {"digest": digest_of(child), "size": len(child), "mediaType": OCI_MANIFEST}
    named = [entry | {"annotations": {"first": "yes"}}, *[entry] * 20_000, descriptor(other, OCI_MANIFEST)]
    push_manifest(
        docker, NAME, json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": named}).encode(), "i"
    )
    with ports.db.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ArtifactChild)) == 2
    alone = nobody.get(f"{PLACE}/i").json()
    assert [each["child_digest"] for each in alone["references"]] == [digest_of(child), digest_of(other)]
    assert alone["references"][0]["annotations"] == {"first": "yes"}
    (listed,) = nobody.get(PLACE, params={"q": "tags=i"}).json()
    assert [each["child_digest"] for each in listed["references"]] == [digest_of(child), digest_of(other)]


def test_an_index_of_very_many_children_shows_the_first_five_thousand(
    caller: Caller, docker: httpx.Client, ports: Ports
) -> None:
    """They were pushed one by one; here their rows are written at once."""
    child = image()
    push_manifest(docker, NAME, child, None)
    push_manifest(docker, NAME, index(child), "all")
    artifacts, children = cast("sa.Table", Artifact.__table__), cast("sa.Table", ArtifactChild.__table__)
    with ports.db.write() as session:
        edge = session.execute(sa.select(children.c.parent_id, children.c.child_id)).one()
        one = session.execute(sa.select(artifacts).where(artifacts.c.id == edge.child_id)).one()._asdict()
        del one["id"]
        many = [one | {"digest": digest_of(str(number).encode())} for number in range(5_100)]
        session.execute(sa.insert(artifacts), many)
        ids = session.scalars(sa.select(artifacts.c.id).where(artifacts.c.id > edge.parent_id)).all()
        rows = [{"parent_id": edge.parent_id, "child_id": each, "position": at + 1} for at, each in enumerate(ids)]
        session.execute(sa.insert(children), rows)
    shown = caller(None).get(f"{PLACE}/all").json()["references"]
    assert len(shown) == 5_000
    assert shown[0]["child_digest"] == digest_of(child)


def test_many_children_tags_and_accessories_of_many_artifacts_stay_below_the_limit(
    caller: Caller, docker: httpx.Client, ports: Ports
) -> None:
    nobody = caller(None)
    subject = push_image(docker, NAME)
    for number in range(120):
        push_manifest(docker, NAME, artifact(subject, annotations={"n": str(number)}))
    children = [image(annotations={"n": str(number)}) for number in range(60)]
    for child in children:
        push_manifest(docker, NAME, child)
    indexes = [index(*children, annotations={"n": str(number)}) for number in range(110)]
    for number, each in enumerate(indexes):
        push_manifest(docker, NAME, each, f"i{number}")
    query = {"page_size": "0", "with_accessory": "true", "q": "tags=*"}
    everything = nobody.get(PLACE, params=query)
    assert (len(everything.json()), everything.headers["X-Total-Count"]) == (100, "110")
    assert len(everything.content) < LARGEST
    assert "page=2&page_size=100" in everything.headers["Link"]
    assert {len(each["references"]) for each in everything.json()} == {32}
    rest = nobody.get(PLACE, params={**query, "page": "2", "page_size": "100"}).json()
    assert len({each["digest"] for each in everything.json() + rest}) == 110
    assert {len(each["references"]) for each in nobody.get(PLACE, params={"q": "tags=*"}).json()} == {60}
    shown = nobody.get(
        PLACE, params={"q": f"digest={digest_of(subject)}", "with_accessory": "true", "page_size": "100"}
    )
    assert [len(each["accessories"]) for each in shown.json()] == [10]
    alone = nobody.get(f"{PLACE}/{digest_of(subject)}", params={"with_accessory": "true"}).json()
    assert len(alone["accessories"]) == 120


def test_everything_is_a_thousand_rows_and_a_way_to_go_on(admin: httpx.Client, ctx: Context) -> None:
    now = ctx.ports.clock.now()
    rows = [
        {"group_name": f"g{number:04}", "group_type": 3, "creation_time": now, "update_time": now}
        for number in range(1203)
    ]
    with ctx.write() as session:
        session.execute(sa.insert(UserGroup), rows)
    everything = admin.get("/usergroups", params={"page_size": "0"})
    names = [each["group_name"] for each in everything.json()]
    assert (len(names), everything.headers["X-Total-Count"]) == (1000, "1203")
    assert everything.headers["Link"] == '</api/v2.0/usergroups?page=11&page_size=100>; rel="next"'
    link = everything.headers["Link"]
    while 'rel="next"' in link:
        path = link.rpartition("<")[2].partition(">")[0].removeprefix("/api/v2.0")
        page = admin.get(path)
        names += [each["group_name"] for each in page.json()]
        link = page.headers.get("Link", "")
    assert names == [f"g{number:04}" for number in range(1203)]


def test_long_allow_lists_are_whole_in_the_project_and_left_out_of_lists(admin: httpx.Client, caller: Caller) -> None:
    items = [{"cve_id": f"CVE-2026-{number:05}-{'x' * 90}"} for number in range(10_000)]
    assert admin.put("/projects/public", json={"cve_allowlist": {"items": items}}).status_code == 200
    nobody = caller(None)
    listed = nobody.get("/projects", params={"page_size": "0"})
    assert len(listed.content) < 100_000
    shown = next(each for each in listed.json() if each["name"] == "public")
    assert shown["cve_allowlist"]["items"] is None
    assert nobody.get("/projects/public").json()["cve_allowlist"]["items"] == items


@pytest.mark.parametrize("path", ["/projects", "/users", "/repositories", PLACE, "/system/gc"])
def test_a_page_of_more_than_a_hundred_rows_is_not_asked_for(admin: httpx.Client, path: str) -> None:
    assert admin.get(path, params={"page_size": "101"}).status_code == 422
