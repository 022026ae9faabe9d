"""Immutability rules keep tags where they are, through every way that moves or deletes them."""

from collections.abc import Callable

import httpx
import pytest
import sqlalchemy as sa

from app.audit.models import AuditLog
from app.context import Context, Ports
from tests.integration.test_artifact_counts import collect_untagged
from tests.support.blobs import digest_of, push
from tests.support.immutability import RULES, make_rule, rule_body
from tests.support.manifests import EMPTY, artifact, index, push_image, push_manifest, put

NAME = "private/app"
REPOSITORY = "/projects/private/repositories/app"
ARTIFACTS = f"{REPOSITORY}/artifacts"


@pytest.fixture
def manifest(registry: httpx.Client) -> bytes:
    """An image with the tag ``v1``."""
    return push_image(registry, NAME, "v1")


def another(registry: httpx.Client, name: str = NAME) -> bytes:
    """A second image, without a tag."""
    return push_image(registry, name, seed=1)


def digest_under(registry: httpx.Client, tag: str, name: str = NAME) -> str:
    return str(registry.head(f"/v2/{name}/manifests/{tag}").headers.get("Docker-Content-Digest", ""))


def test_a_push_moves_no_protected_tag(admin: httpx.Client, registry: httpx.Client, manifest: bytes) -> None:
    rule_id = make_rule(admin)
    for pushed in (another(registry), index(manifest)):
        answer = put(registry, NAME, pushed, "v1")
        assert answer.status_code == 412
        error = answer.json()["errors"][0]
        assert error["code"] == "PRECONDITION"
        assert f"tag v1 of {NAME} is configured as immutable, cannot be updated" in error["message"]
        assert error["detail"] == {"tag": "v1", "rule": rule_id}
    assert digest_under(registry, "v1") == digest_of(manifest)
    assert registry.head(f"/v2/{NAME}/manifests/{digest_of(index(manifest))}").status_code == 404, "half done"
    assert put(registry, NAME, another(registry), "v2").status_code == 201, "a new tag"
    assert put(registry, NAME, manifest, "v1").status_code == 201, "where it is already"
    assert put(registry, NAME, another(registry), "latest").status_code == 201
    assert put(registry, NAME, manifest, "latest").status_code == 201, "a tag that no rule is about"


def test_a_push_with_several_tags_moves_none(admin: httpx.Client, registry: httpx.Client, manifest: bytes) -> None:
    make_rule(admin)
    place = f"/v2/{NAME}/manifests/{digest_of(another(registry))}"
    headers = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    answer = registry.put(place, params={"tag": ["a", "v1"]}, content=another(registry), headers=headers)
    assert answer.status_code == 412
    assert digest_under(registry, "a") == ""
    assert digest_under(registry, "v1") == digest_of(manifest)


DELETIONS: dict[str, Callable[[httpx.Client, httpx.Client, str], httpx.Response]] = {
    "a manifest": lambda _, registry, digest: registry.delete(f"/v2/{NAME}/manifests/{digest}"),
    "a tag": lambda _, registry, __: registry.delete(f"/v2/{NAME}/manifests/v1"),
    "an artifact by digest": lambda admin, _, digest: admin.delete(f"{ARTIFACTS}/{digest}"),
    "an artifact by tag": lambda admin, _, __: admin.delete(f"{ARTIFACTS}/v1"),
    "a tag through the API": lambda admin, _, digest: admin.delete(f"{ARTIFACTS}/{digest}/tags/v1"),
    "the repository": lambda admin, _, __: admin.delete(REPOSITORY),
}


@pytest.mark.parametrize("way", DELETIONS)
def test_nothing_deletes_a_protected_tag(
    admin: httpx.Client, registry: httpx.Client, manifest: bytes, way: str
) -> None:
    rule_id = make_rule(admin)
    push_manifest(registry, NAME, manifest, "a")
    answer = DELETIONS[way](admin, registry, digest_of(manifest))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (412, "PRECONDITION")
    assert "tag v1 of private/app is configured as immutable, cannot be deleted" in answer.text
    assert digest_under(registry, "v1") == digest_under(registry, "a") == digest_of(manifest)
    assert admin.put(f"{RULES}/{rule_id}", json={"id": rule_id, "disabled": True}).status_code == 200
    assert DELETIONS[way](admin, registry, digest_of(manifest)).is_success


def test_a_refusal_is_on_the_audit_log(admin: httpx.Client, manifest: bytes, ctx: Context) -> None:
    make_rule(admin)
    assert admin.delete(f"{ARTIFACTS}/v1").status_code == 412
    with ctx.read() as session:
        denied = session.execute(sa.select(AuditLog.resource).where(AuditLog.success.is_(sa.false()))).scalars().all()
    assert denied == [f"{NAME}@{digest_of(manifest)}"]


@pytest.mark.parametrize(
    ("repositories", "tags", "kept"),
    [
        (("repoMatches", "**"), ("matches", "**"), True),
        (("repoMatches", "app"), ("matches", "v1"), True),
        (("repoMatches", "private/app"), ("matches", "v1"), False),
        (("repoMatches", "{other,app}"), ("matches", "{r*,v*}"), True),
        (("repoExcludes", "app"), ("matches", "**"), False),
        (("repoExcludes", "other"), ("matches", "**"), True),
        (("repoMatches", "**"), ("excludes", "v1"), False),
        (("repoMatches", "**"), ("excludes", "latest"), True),
        (("repoExcludes", "other/**"), ("excludes", "v2*"), True),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("manifest")
def test_a_rule_chooses_repositories_and_tags(
    admin: httpx.Client, registry: httpx.Client, repositories: tuple[str, str], tags: tuple[str, str], kept: bool
) -> None:
    scope = {"decoration": repositories[0], "pattern": repositories[1]}
    selector = {"decoration": tags[0], "pattern": tags[1]}
    body = {"scope_selectors": {"repository": [scope]}, "tag_selectors": [selector]}
    assert admin.post(RULES, json=body).status_code == 201
    assert put(registry, NAME, another(registry), "v1").status_code == (412 if kept else 201)


@pytest.mark.usefixtures("manifest")
def test_only_the_first_selectors_count(admin: httpx.Client, registry: httpx.Client) -> None:
    selectors = [{"decoration": "matches", "pattern": pattern} for pattern in ("r*", "v*")]
    assert admin.post(RULES, json=rule_body(tag_selectors=selectors)).status_code == 201
    assert put(registry, NAME, another(registry), "v1").status_code == 201


def test_a_copy_moves_no_protected_tag(admin: httpx.Client, registry: httpx.Client, manifest: bytes) -> None:
    push_image(registry, "public/app", "v1", seed=4)
    push_image(registry, "public/app", "v2", seed=5)
    make_rule(admin)
    before = admin.get(ARTIFACTS).json()
    answer = admin.post(ARTIFACTS, params={"from": "public/app:v1"})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (412, "PRECONDITION")
    assert admin.get(ARTIFACTS).json() == before
    assert digest_under(registry, "v1") == digest_of(manifest)
    assert admin.post(ARTIFACTS, params={"from": "public/app:v2"}).status_code == 201, "a new tag"


def test_a_rule_is_about_its_own_project(admin: httpx.Client, registry: httpx.Client) -> None:
    make_rule(admin)
    push_image(registry, "public/app", "v1")
    assert put(registry, "public/app", another(registry, "public/app"), "v1").status_code == 201
    assert admin.delete("/projects/public/repositories/app").status_code == 200


def test_a_repository_without_protected_tags_goes(admin: httpx.Client, registry: httpx.Client) -> None:
    make_rule(admin)
    push_image(registry, NAME, "latest")
    assert admin.delete(REPOSITORY).status_code == 200


def test_lists_mark_protected_tags(admin: httpx.Client, registry: httpx.Client, manifest: bytes) -> None:
    for tag in ("latest", "v2"):
        push_manifest(registry, NAME, manifest, tag)
    make_rule(admin)
    asked = {"with_immutable_status": "true"}
    for path, parameters, expected in (
        (ARTIFACTS, asked, {"v1": True, "v2": True, "latest": False}),
        (ARTIFACTS, {}, {"v1": False, "v2": False, "latest": False}),
        (ARTIFACTS, asked | {"with_tag": "false"}, {}),
        (f"{ARTIFACTS}/v1", asked, {"v1": True, "v2": True, "latest": False}),
        (f"{ARTIFACTS}/v1", {}, {"v1": False, "v2": False, "latest": False}),
    ):
        shown = admin.get(path, params=parameters).json()
        only = shown[0] if isinstance(shown, list) else shown
        assert {tag["name"]: tag["immutable"] for tag in only["tags"] or ()} == expected, (path, parameters)


class TestCollection:
    """Rules do not keep what has no tag, nor tags that only tell of something that goes."""

    def test_untagged_artifacts_go(self, admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
        untagged = push_image(registry, NAME, seed=3)
        kept = push_image(registry, NAME, "v1")
        make_rule(admin, "**")
        collect_untagged(ports)
        assert registry.head(f"/v2/{NAME}/manifests/{digest_of(untagged)}").status_code == 404
        assert digest_under(registry, "v1") == digest_of(kept)

    def test_a_signature_goes_with_what_it_signs(
        self, admin: httpx.Client, registry: httpx.Client, ports: Ports
    ) -> None:
        signed, collected = push_image(registry, NAME, "latest"), push_image(registry, NAME, seed=3)
        push(registry, NAME, EMPTY)
        for number, subject in enumerate((signed, collected)):
            signature = artifact(annotations={"number": str(number)})
            push_manifest(registry, NAME, signature, digest_of(subject).replace(":", "-") + ".sig")
        make_rule(admin, "sha256-*")
        assert admin.delete(f"{ARTIFACTS}/latest").status_code == 200
        collect_untagged(ports)
        assert registry.get(f"/v2/{NAME}/tags/list").json()["tags"] in ([], None)

    def test_a_signature_alone_is_protected(self, admin: httpx.Client, registry: httpx.Client) -> None:
        signed = push_image(registry, NAME, "latest")
        push(registry, NAME, EMPTY)
        tag = digest_of(signed).replace(":", "-") + ".sig"
        push_manifest(registry, NAME, artifact(), tag)
        make_rule(admin, "sha256-*")
        assert admin.delete(f"{ARTIFACTS}/{tag}").status_code == 412
        assert registry.delete(f"/v2/{NAME}/manifests/{tag}").status_code == 412

    def test_a_tagged_accessory_keeps_its_subject(self, admin: httpx.Client, registry: httpx.Client) -> None:
        subject = push_image(registry, NAME, "latest")
        push(registry, NAME, EMPTY)
        push_manifest(registry, NAME, artifact(subject), "v1-sbom")
        make_rule(admin)
        assert admin.delete(f"{ARTIFACTS}/latest").status_code == 412
        assert digest_under(registry, "latest") == digest_of(subject)
