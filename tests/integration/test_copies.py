"""Copies of artifacts through the management API: children, accessories and blobs come along, no bytes are copied."""

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts import families
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.storage.models import Blob
from tests.integration.conftest import Caller
from tests.integration.content_rows import Rows, faults
from tests.support.blobs import digest_of, push
from tests.support.manifests import EMPTY, artifact, image, index, push_image, push_manifest
from tests.support.quotas import quota_of

SOURCE = "private/app"
COPIES = "/projects/public/repositories/copy/artifacts"
ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def copy(client: httpx.Client, source: str, place: str = COPIES) -> httpx.Response:
    return client.post(place, params={"from": source})


def artifacts(admin: httpx.Client, place: str = COPIES) -> list[dict[str, Any]]:
    answer = admin.get(place, params={"with_accessory": "true"})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def pulled(registry: httpx.Client, name: str, reference: str) -> bytes:
    answer = registry.get(f"/v2/{name}/manifests/{reference}")
    assert answer.status_code == 200, answer.text
    return answer.content


@pytest.fixture
def platforms(registry: httpx.Client) -> bytes:
    """An index with two images, a signature by tag of the index, and one with a subject of an image."""
    amd64, arm64 = (push_image(registry, SOURCE, seed=seed) for seed in (1, 2))
    whole = index(amd64, arm64)
    push_manifest(registry, SOURCE, whole, "1")
    push_manifest(registry, SOURCE, whole, "2")
    push(registry, SOURCE, EMPTY)
    push_manifest(registry, SOURCE, artifact(amd64))
    signature = push_image(registry, SOURCE, digest_of(whole).replace(":", "-") + ".sig", seed=3)
    push_manifest(registry, SOURCE, signature, "also-a-signature")
    return whole


def test_an_index_comes_with_children_and_accessories(
    admin: httpx.Client, registry: httpx.Client, ctx: Context, ports: Ports, platforms: bytes
) -> None:
    with ctx.read() as session:
        blobs = session.execute(sa.select(Blob.id, Blob.key)).all()
    answer = copy(admin, f"{SOURCE}:1")
    assert answer.status_code == 201, answer.text
    digest = digest_of(platforms)
    assert answer.headers["Location"] == f"/api/v2.0{COPIES}/{digest}"
    assert answer.content == b""
    assert pulled(registry, "public/copy", "1") == platforms
    (shown,) = artifacts(admin)
    assert [tag["name"] for tag in shown["tags"]] == ["1"]
    assert [accessory["type"] for accessory in shown["accessories"]] == ["signature.cosign"]
    for reference in shown["references"]:
        manifest = pulled(registry, "public/copy", reference["child_digest"])
        assert manifest == pulled(registry, SOURCE, reference["child_digest"])
    (first, _) = shown["references"]
    referrers = registry.get(f"/v2/public/copy/referrers/{first['child_digest']}").json()["manifests"]
    assert len(referrers) == 1
    tags = registry.get("/v2/public/copy/tags/list").json()["tags"]
    assert tags == ["1", digest.replace(":", "-") + ".sig"]
    with ctx.read() as session:
        assert session.execute(sa.select(Blob.id, Blob.key)).all() == blobs
    assert list(faults(Rows.of(ports))) == []
    before = admin.get(f"/projects/private/repositories/app/artifacts/{digest}").json()
    after = admin.get(f"{COPIES}/{digest}").json()
    for field in ("digest", "size", "type", "media_type", "manifest_media_type", "annotations", "extra_attrs"):
        assert before.get(field) == after.get(field)


def test_a_copy_by_digest_has_no_tag_and_of_an_accessory_all(
    admin: httpx.Client, registry: httpx.Client, platforms: bytes
) -> None:
    assert copy(admin, f"{SOURCE}@{digest_of(platforms)}").status_code == 201
    (shown,) = artifacts(admin)
    assert shown["tags"] is None
    assert copy(admin, f"{SOURCE}:also-a-signature", COPIES.replace("copy", "signature")).status_code == 201
    assert registry.get("/v2/public/signature/tags/list").json()["tags"] == ["also-a-signature"]


def test_copying_again_changes_nothing(
    admin: httpx.Client, registry: httpx.Client, ctx: Context, ports: Ports, platforms: bytes
) -> None:
    def rows() -> list[Any]:
        with ctx.read() as session:
            return list(session.execute(sa.select(AuditLog.resource).order_by(AuditLog.id)).scalars())

    assert copy(admin, f"{SOURCE}:1").status_code == 201
    shown, audited = artifacts(admin), rows()
    assert copy(admin, f"{SOURCE}:1").status_code == 201
    assert (artifacts(admin), rows()) == (shown, audited)
    assert copy(admin, f"{SOURCE}:2").status_code == 201
    assert {tag["name"] for tag in artifacts(admin)[0]["tags"]} == {"1", "2"}
    assert copy(admin, f"{SOURCE}:1", "/projects/private/repositories/app/artifacts").status_code == 201
    push_image(registry, SOURCE, "1", seed=9)
    assert copy(admin, f"{SOURCE}:1").status_code == 201, "moves the tag"
    assert pulled(registry, "public/copy", "1") != platforms
    assert list(faults(Rows.of(ports))) == []


def test_each_manifest_is_audited_as_a_push(admin: httpx.Client, ctx: Context, platforms: bytes) -> None:
    assert copy(admin, f"{SOURCE}:1").status_code == 201
    own = sa.select(AuditLog.resource, AuditLog.operation, AuditLog.username)
    with ctx.read() as session:
        rows = session.execute(own.where(AuditLog.resource.startswith("public/copy"))).all()
    assert len(rows) == 5
    assert {(row.operation, row.username) for row in rows} == {("create", "admin")}
    assert "public/copy:1" in {row.resource for row in rows}
    assert platforms


@pytest.mark.usefixtures("platforms")
def test_a_copy_counts_once_against_the_quota(admin: httpx.Client) -> None:
    used = quota_of(admin, "private")["used"]["storage"]
    assert copy(admin, f"{SOURCE}:1").status_code == 201
    first = quota_of(admin, "public")["used"]["storage"]
    assert 0 < first <= used
    assert copy(admin, f"{SOURCE}:1", COPIES.replace("copy", "other")).status_code == 201
    second = quota_of(admin, "public")["used"]["storage"]
    assert 0 < second - first < first, "manifests count once per repository, blobs once per project"
    assert admin.get("/projects/public").json()["repo_count"] == 2
    quota = quota_of(admin, "public")
    assert admin.put(f"/quotas/{quota['id']}", json={"hard": {"storage": second + 1}}).status_code == 200
    full = copy(admin, f"{SOURCE}:1", COPIES.replace("copy", "third"))
    assert (full.status_code, full.json()["errors"][0]["code"]) == (403, "DENIED")
    assert "quota" in full.text or "configured upper limit" in full.text
    assert admin.get("/projects/public/repositories/third").status_code == 404
    assert quota_of(admin, "public")["used"]["storage"] == second


@pytest.mark.usefixtures("platforms")
@pytest.mark.parametrize(
    ("source", "status", "told"),
    [
        ("", 400, "from must be"),
        ("app:1", 400, "from must be"),
        ("private/app", 400, "from must be"),
        ("private/app:", 400, "from must be"),
        ("private/app:1:2", 400, "from must be"),
        ("private/app@sha256:1", 400, "from must be"),
        ("private/app:1@sha256:" + "0" * 64, 400, "from must be"),
        ("private/app:" + "a" * 129, 400, "from must be"),
        ("private/../app:1", 400, "from must be"),
        ("private/app\0:1", 400, ""),
        ("Private/App:1", 400, "from must be"),
        ("private/" + "a/" * 5000 + "b:1", 400, "from must be"),
        ("private/app:none", 404, "not found"),
        ("private/app@sha256:" + "0" * 64, 404, "not found"),
        ("private/none:1", 404, "not found"),
        ("none/app:1", 404, "not found"),
    ],
)
@ONE
def test_a_bad_source_is_named(admin: httpx.Client, source: str, status: int, told: str) -> None:
    answer = copy(admin, source)
    assert answer.status_code == status, answer.text
    assert told in answer.json()["errors"][0]["message"]
    assert admin.get("/projects/public/repositories/copy").status_code == 404


@pytest.mark.usefixtures("platforms")
@ONE
def test_a_bad_target_is_named(admin: httpx.Client) -> None:
    assert admin.post(COPIES).status_code == 422
    for name, status in (("UPPER", 400), ("a%252F..%252Fb", 400), ("a" * 300, 400), ("a%252Fb", 201)):
        assert copy(admin, f"{SOURCE}:1", COPIES.replace("copy", name)).status_code == status
    answer = copy(admin, f"{SOURCE}:1", COPIES.replace("copy", "a%252Fb"))
    assert answer.headers["Location"].startswith("/api/v2.0/projects/public/repositories/a%252Fb/artifacts/sha256:")
    assert admin.get(answer.headers["Location"].removeprefix("/api/v2.0")).status_code == 200
    assert copy(admin, f"{SOURCE}:1", COPIES.replace("public", "none")).status_code == 404


@pytest.mark.usefixtures("platforms")
def test_both_rights_are_needed_and_nothing_is_told_of_what_cannot_be_seen(caller: Caller) -> None:
    for who, expected in ((None, 401), ("stranger", 403), ("limited", 403), ("guest", 403), ("developer", 201)):
        assert copy(caller(who), f"{SOURCE}:1").status_code == expected
    caller("admin").post("/projects", json={"project_name": "own"})
    place = "/projects/hidden/repositories/copy/artifacts"
    assert caller("stranger").post("/projects", json={"project_name": "hidden"}).status_code == 201
    answers = [copy(caller("stranger"), source, place) for source in (f"{SOURCE}:1", f"{SOURCE}:9", "own/a:1")]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    unknown = copy(caller("stranger"), "nothing/app:1", place)
    assert unknown.status_code == 403
    assert unknown.text == answers[2].text.replace("own", "nothing")
    assert copy(caller("stranger"), "public/copy:1", place).status_code == 201, "a public source may be read"


@ONE
def test_too_many_manifests_are_refused(
    admin: httpx.Client, registry: httpx.Client, monkeypatch: pytest.MonkeyPatch, platforms: bytes
) -> None:
    monkeypatch.setattr(families, "MOST_MANIFESTS", 4)
    answer = copy(admin, f"{SOURCE}:1")
    assert answer.status_code == 400
    assert "more than 4 children and accessories" in answer.text
    assert admin.get("/projects/public/repositories/copy").status_code == 404
    monkeypatch.setattr(families, "MOST_MANIFESTS", 5)
    monkeypatch.setattr(families, "MOST_BYTES", 500)
    assert copy(admin, f"{SOURCE}:1").status_code == 400
    assert pulled(registry, SOURCE, "1") == platforms


def test_accessories_in_a_ring_are_copied_once(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    """Tags can name two artifacts as accessories of each other."""
    one, other = (push_image(registry, SOURCE, seed=seed) for seed in (1, 2))
    push_manifest(registry, SOURCE, one, digest_of(other).replace(":", "-") + ".att")
    push_manifest(registry, SOURCE, other, digest_of(one).replace(":", "-") + ".att")
    assert copy(admin, f"{SOURCE}@{digest_of(one)}").status_code == 201
    assert len(registry.get("/v2/public/copy/tags/list").json()["tags"]) == 2
    assert list(faults(Rows.of(ports))) == []


def test_layers_that_need_not_be_there_stay_away(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    push_image(registry, SOURCE, "1")
    foreign = b"a layer that is elsewhere"
    document = image().decode().replace('"layers": []', _foreign(foreign)).encode()
    push_manifest(registry, SOURCE, document, "foreign")
    assert copy(admin, f"{SOURCE}:foreign").status_code == 201
    assert pulled(registry, "public/copy", "foreign") == document
    assert list(faults(Rows.of(ports))) == []


def _foreign(content: bytes) -> str:
    media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    return f'"layers": [{{"mediaType": "{media_type}", "digest": "{digest_of(content)}", "size": {len(content)}}}]'
