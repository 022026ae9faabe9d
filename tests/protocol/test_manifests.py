"""Manifests through the front door: push by tag and digest, pull, conditional pull, delete, and what is refused."""

import json

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Artifact, ArtifactBlob, ProjectBlob, Repository, RepositoryBlob, Tag
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.core.digest import Digest
from app.db import gate
from app.oci.limits import MANIFEST_BYTES
from app.projects.models import Project
from app.storage.models import ZeroReference
from tests.support import manifests
from tests.support.blobs import content_of, digest_of, push
from tests.support.manifests import (
    CONFIG,
    EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    artifact,
    image,
    index,
    push_image,
    push_manifest,
    put,
)
from tests.support.queries import counted_statements

NAME = "library-test/app"
OTHER = "library-test/other"


def pull(client: httpx.Client, reference: str, name: str = NAME, **headers: str) -> httpx.Response:
    return client.get(f"/v2/{name}/manifests/{reference}", headers=headers)


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def counters(ctx: Context) -> tuple[int, int]:
    with ctx.read() as session:
        row = session.execute(
            sa.select(Project.storage_used, Project.repo_count).where(Project.name == "library-test")
        ).one()
    return row.storage_used, row.repo_count


def count(ctx: Context, model: type) -> int:
    with ctx.read() as session:
        return session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


def test_push_by_tag_is_pulled_byte_for_byte(pusher: httpx.Client) -> None:
    layer = content_of(100)
    push(pusher, NAME, CONFIG)
    push(pusher, NAME, layer)
    manifest = b"  " + image(layer) + b"\n"
    answer = put(pusher, NAME, manifest, "v1")
    digest = digest_of(manifest)
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/v2/{NAME}/manifests/{digest}"
    assert answer.headers["Docker-Content-Digest"] == digest
    assert "OCI-Tag" not in answer.headers
    for reference in ("v1", digest):
        pulled = pull(pusher, reference, Accept="text/html")
        assert (pulled.status_code, pulled.content) == (200, manifest)
        assert pulled.headers["Content-Type"] == OCI_MANIFEST
        assert pulled.headers["Docker-Content-Digest"] == digest
        assert pulled.headers["ETag"] == f'"{digest}"'


def test_head_says_what_get_says_without_the_body(pusher: httpx.Client) -> None:
    push_image(pusher, NAME, "v1")
    got, head = pull(pusher, "v1"), pusher.head(f"/v2/{NAME}/manifests/v1")
    assert head.content == b""
    for name in ("Content-Length", "Content-Type", "Docker-Content-Digest", "ETag"):
        assert head.headers[name] == got.headers[name]


@pytest.mark.parametrize("form", ["{}", '"{}"', 'W/"{}"', '"sha256:other", "{}"'])
def test_a_client_that_has_it_gets_304(pusher: httpx.Client, form: str) -> None:
    digest = digest_of(push_image(pusher, NAME, "v1"))
    answer = pull(pusher, "v1", **{"If-None-Match": form.format(digest)})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["Docker-Content-Digest"] == digest


def test_another_etag_gets_the_manifest(pusher: httpx.Client) -> None:
    push_image(pusher, NAME, "v1")
    assert pull(pusher, "v1", **{"If-None-Match": '"sha256:0"'}).status_code == 200


def test_push_by_digest_sets_the_tags_of_the_query(pusher: httpx.Client) -> None:
    manifest = push_image(pusher, NAME)
    tags = [f"t{number}" for number in range(12)]
    digest = digest_of(manifest)
    query = "&".join(f"tag={tag}" for tag in [*tags, tags[0]])
    answer = put(pusher, NAME, manifest, f"{digest}?{query}")
    assert answer.status_code == 201
    assert answer.headers.get_list("OCI-Tag") == tags or answer.headers["OCI-Tag"].split(", ") == tags
    assert all(pull(pusher, tag).headers["Docker-Content-Digest"] == digest for tag in tags)


def test_too_many_tags_are_414(pusher: httpx.Client) -> None:
    manifest = push_image(pusher, NAME)
    query = "&".join(f"tag=t{number}" for number in range(47))
    assert put(pusher, NAME, manifest, f"{digest_of(manifest)}?{query}").status_code == 414


def test_sha512_is_an_address_of_its_own(pusher: httpx.Client) -> None:
    manifest = push_image(pusher, NAME)
    digest = digest_of(manifest, "sha512")
    assert put(pusher, NAME, manifest, digest).headers["Docker-Content-Digest"] == digest
    assert pull(pusher, digest).headers["Docker-Content-Digest"] == digest


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_digest_that_is_not_the_contents_is_refused(pusher: httpx.Client, algorithm: str) -> None:
    manifest = push_image(pusher, NAME)
    answer = put(pusher, NAME, manifest, digest_of(b"other", algorithm))
    assert code_of(answer) == (400, "DIGEST_INVALID")


def test_pushing_twice_changes_nothing_and_answers_201(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    before = counters(ctx)
    assert put(pusher, NAME, manifest, "v1").status_code == 201
    assert counters(ctx) == before
    assert (count(ctx, Artifact), count(ctx, Tag)) == (1, 1)


def test_a_tag_moves_and_both_digests_stay(pusher: httpx.Client) -> None:
    first, second = push_image(pusher, NAME, "v1"), push_image(pusher, NAME, "v1", seed=1)
    assert pull(pusher, "v1").content == second
    assert pull(pusher, digest_of(first)).content == first


def test_the_first_manifest_publishes_the_repository(pusher: httpx.Client, ctx: Context) -> None:
    layer = content_of(100)
    push(pusher, NAME, CONFIG)
    push(pusher, NAME, layer)
    assert counters(ctx) == (len(CONFIG) + 100, 0)
    assert pusher.get(f"/v2/{NAME}/tags/list").status_code == 404
    push_manifest(pusher, NAME, image(layer), "v1")
    assert counters(ctx) == (len(CONFIG) + 100 + len(image(layer)), 1)
    with ctx.read() as session:
        repository = session.execute(sa.select(Repository.published, Repository.artifact_count)).one()
    assert tuple(repository) == (True, 1)
    assert count(ctx, ZeroReference) == 0


def test_two_repositories_of_a_project_are_charged_once_for_a_blob(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    once = counters(ctx)[0]
    push_image(pusher, OTHER, "v1")
    assert counters(ctx) == (once + len(manifest), 2)


def test_facts_of_the_config_are_kept(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    with ctx.read() as session:
        row = session.execute(sa.select(Artifact)).scalar_one()
    assert row.kind == "IMAGE"
    assert row.extra_attrs == json.loads(CONFIG)
    assert row.size == len(manifest) + len(CONFIG) + 64
    assert (row.media_type, row.artifact_type) == ("application/vnd.oci.image.config.v1+json",) * 2


@pytest.mark.parametrize(
    "config", [b"", b"no json", b"[]", b'{"config":"\\u0000"}', b'{"os":' + b"[" * 500 + b"]" * 500 + b"}"]
)
def test_a_strange_config_is_no_obstacle(pusher: httpx.Client, config: bytes) -> None:
    push(pusher, NAME, config)
    assert put(pusher, NAME, image(config=config), "v1").status_code == 201


def test_missing_content_is_refused_and_nothing_stays(pusher: httpx.Client, ctx: Context) -> None:
    push(pusher, NAME, CONFIG)
    manifest = image(content_of(10))
    answer = put(pusher, NAME, manifest, "v1")
    assert code_of(answer) == (400, "MANIFEST_BLOB_UNKNOWN")
    assert answer.json()["errors"][0]["detail"] == {"missing": [digest_of(content_of(10))]}
    assert pull(pusher, "v1").status_code == 404
    assert (count(ctx, Artifact), count(ctx, ArtifactBlob), counters(ctx)[1]) == (0, 0, 0)


def test_content_of_another_repository_does_not_count(pusher: httpx.Client) -> None:
    manifest = push_image(pusher, OTHER, "v1")
    assert code_of(put(pusher, NAME, manifest, "v1")) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize(
    "kind",
    [
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    ],
)
def test_foreign_layers_need_not_be_there(pusher: httpx.Client, kind: str) -> None:
    push(pusher, NAME, CONFIG)
    layers = [manifests.descriptor(b"elsewhere", kind, urls=["https://example.test/layer"])]
    assert put(pusher, NAME, image(layers=layers), "v1").status_code == 201


def test_the_same_layer_twice(pusher: httpx.Client) -> None:
    layer = content_of(32)
    push(pusher, NAME, CONFIG)
    push(pusher, NAME, layer)
    assert put(pusher, NAME, image(layer, layer), "v1").status_code == 201


def test_an_index_lists_manifests_twice_and_nested(pusher: httpx.Client) -> None:
    one, two = push_image(pusher, NAME), push_image(pusher, NAME, seed=1)
    inner = index(one, one, two)
    push_manifest(pusher, NAME, inner)
    outer = index(inner, one)
    push_manifest(pusher, NAME, outer, "all")
    assert pull(pusher, "all").content == outer
    assert pull(pusher, "all").headers["Content-Type"] == OCI_INDEX


def test_an_index_needs_its_children(pusher: httpx.Client) -> None:
    answer = put(pusher, NAME, index(image()), "all")
    assert code_of(answer) == (400, "MANIFEST_BLOB_UNKNOWN")


def test_indexes_nest_ten_deep_and_no_deeper(pusher: httpx.Client) -> None:
    manifest = push_image(pusher, NAME)
    for _ in range(10):
        manifest = index(manifest)
        push_manifest(pusher, NAME, manifest)
    assert code_of(put(pusher, NAME, index(manifest))) == (400, "MANIFEST_INVALID")


def test_a_build_cache_is_an_index_of_blobs(pusher: httpx.Client, ctx: Context) -> None:
    layer = content_of(50)
    push(pusher, NAME, layer)
    push(pusher, NAME, EMPTY)
    entries = [
        manifests.descriptor(layer),
        manifests.descriptor(EMPTY, "application/vnd.buildkit.cacheconfig.v0"),
    ]
    assert put(pusher, NAME, index(manifests=entries), "cache").status_code == 201
    assert (count(ctx, ArtifactBlob), count(ctx, ZeroReference)) == (2, 0)


def test_an_unknown_type_is_kept_with_what_it_names(pusher: httpx.Client, ctx: Context) -> None:
    push(pusher, NAME, EMPTY)
    body = json.dumps(
        {"anything": 1, "blobs": [manifests.descriptor(EMPTY), manifests.descriptor(b"missing")]}
    ).encode()
    kind = "application/vnd.example.manifest.v1+json"
    assert put(pusher, NAME, body, "odd", kind).status_code == 201
    assert pull(pusher, "odd").headers["Content-Type"] == kind
    assert (count(ctx, ArtifactBlob), count(ctx, ZeroReference)) == (1, 0)


def test_a_manifest_of_nearly_4_mib_is_taken_and_a_larger_one_is_413(pusher: httpx.Client) -> None:
    push(pusher, NAME, EMPTY)
    notes = {f"note{number}": "x" * 10_000 for number in range(390)}
    large = artifact(annotations=notes)
    assert push_manifest(pusher, NAME, large, "large") == digest_of(pull(pusher, "large").content)
    answer = put(pusher, NAME, artifact(annotations=notes) + b" " * MANIFEST_BYTES, "larger", OCI_MANIFEST)
    assert code_of(answer) == (413, "MANIFEST_INVALID")


def test_ten_thousand_layers_and_more(pusher: httpx.Client) -> None:
    push(pusher, NAME, CONFIG)
    layers = [{"mediaType": "a/b", "digest": f"sha256:{number:064x}", "size": 1} for number in range(33_000)]
    answer = put(pusher, NAME, image(layers=layers), "v1")
    assert code_of(answer) == (400, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize("reference", [".invalid", "-x", "a" * 129, "%20"])
def test_tags_outside_the_grammar(pusher: httpx.Client, reference: str) -> None:
    manifest = push_image(pusher, NAME)
    assert put(pusher, NAME, manifest, reference).status_code == 400
    assert pull(pusher, reference).status_code == 404
    assert pusher.delete(f"/v2/{NAME}/manifests/{reference}").status_code == 404


@pytest.mark.parametrize("reference", ["sha256:abc", "sha256:" + "A" * 64, "nothing:abc", "sha256:"])
def test_malformed_digests_are_not_500(pusher: httpx.Client, reference: str) -> None:
    manifest = push_image(pusher, NAME)
    assert put(pusher, NAME, manifest, reference).status_code == 400
    assert pull(pusher, reference).status_code in (400, 404)
    assert pusher.delete(f"/v2/{NAME}/manifests/{reference}").status_code in (400, 404)


def test_what_is_unknown_is_named(pusher: httpx.Client) -> None:
    assert code_of(pull(pusher, "v1")) == (404, "NAME_UNKNOWN")
    push_image(pusher, NAME, "v1")
    assert code_of(pull(pusher, "v2")) == (404, "MANIFEST_UNKNOWN")
    assert code_of(pull(pusher, Digest.of(b"x"))) == (404, "MANIFEST_UNKNOWN")


def test_delete_by_tag_leaves_the_manifest(pusher: httpx.Client) -> None:
    manifest = push_image(pusher, NAME, "v1")
    put(pusher, NAME, manifest, "v2")
    assert pusher.delete(f"/v2/{NAME}/manifests/v1").status_code == 202
    assert code_of(pull(pusher, "v1")) == (404, "MANIFEST_UNKNOWN")
    assert pull(pusher, "v2").status_code == 200
    assert pull(pusher, digest_of(manifest)).status_code == 200
    assert code_of(pusher.delete(f"/v2/{NAME}/manifests/v1")) == (404, "MANIFEST_UNKNOWN")


def test_delete_by_digest_takes_the_tags_and_queues_the_blobs(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    digest = digest_of(manifest)
    assert pusher.delete(f"/v2/{NAME}/manifests/{digest}").status_code == 202
    for reference in ("v1", digest):
        assert code_of(pull(pusher, reference)) == (404, "MANIFEST_UNKNOWN")
    assert code_of(pusher.delete(f"/v2/{NAME}/manifests/{digest}")) == (404, "MANIFEST_UNKNOWN")
    assert pusher.get(f"/v2/{NAME}/tags/list").json() == {"name": NAME, "tags": []}
    assert (count(ctx, Tag), count(ctx, ArtifactBlob), count(ctx, ProjectBlob)) == (0, 0, 0)
    assert (count(ctx, RepositoryBlob), count(ctx, ZeroReference)) == (2, 2)
    assert counters(ctx) == (0, 1)


def test_shared_blobs_stay_charged_and_out_of_the_queue(pusher: httpx.Client, ctx: Context) -> None:
    layer, shared = content_of(70), content_of(80, 1)
    for content in (CONFIG, layer, shared):
        push(pusher, NAME, content)
    one, two = image(layer, shared), image(shared)
    push_manifest(pusher, NAME, one, "one")
    push_manifest(pusher, NAME, two, "two")
    pusher.delete(f"/v2/{NAME}/manifests/{digest_of(one)}")
    assert count(ctx, ZeroReference) == 1
    assert counters(ctx)[0] == len(CONFIG) + len(shared) + len(two)


def test_a_manifest_that_is_pushed_again_leaves_the_queue_and_is_charged(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    before = counters(ctx)
    pusher.delete(f"/v2/{NAME}/manifests/{digest_of(manifest)}")
    push_manifest(pusher, NAME, manifest, "v1")
    assert counters(ctx) == before
    assert count(ctx, ZeroReference) == 0


def test_a_child_of_an_index_cannot_go_before_it(pusher: httpx.Client) -> None:
    child = push_image(pusher, NAME)
    parent = index(child)
    push_manifest(pusher, NAME, parent, "all")
    answer = pusher.delete(f"/v2/{NAME}/manifests/{digest_of(child)}")
    assert code_of(answer) == (403, "DENIED")
    assert answer.json()["errors"][0]["detail"] == {"indexes": [digest_of(parent)]}
    assert pusher.delete(f"/v2/{NAME}/manifests/{digest_of(parent)}").status_code == 202
    assert pull(pusher, digest_of(child)).status_code == 200
    assert pusher.delete(f"/v2/{NAME}/manifests/{digest_of(child)}").status_code == 202


def test_read_only_refuses_changes_and_lets_pulls_through(pusher: httpx.Client, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    with ctx.write() as session:
        gate.switch(session, on=True)
    assert code_of(put(pusher, NAME, manifest, "v2")) == (403, "DENIED")
    assert code_of(pusher.delete(f"/v2/{NAME}/manifests/v1")) == (403, "DENIED")
    assert pull(pusher, "v1").status_code == 200


def test_private_content_does_not_exist_for_nobody(pusher: httpx.Client, client: httpx.Client) -> None:
    push_image(pusher, NAME, "v1")
    assert pull(client, "v1").status_code == 401
    assert client.get(f"/v2/{NAME}/referrers/{Digest.of(b'x')}").status_code == 401


def test_subject_and_its_answer(pusher: httpx.Client) -> None:
    push(pusher, NAME, EMPTY)
    answer = put(pusher, NAME, artifact(b"not there"))
    assert answer.headers["OCI-Subject"] == digest_of(b"not there")
    assert "OCI-Subject" not in put(pusher, NAME, artifact()).headers


def test_a_warm_pull_is_one_query(pusher: httpx.Client, ports: Ports) -> None:
    digest = digest_of(push_image(pusher, NAME, "v1"))
    for reference in ("v1", digest):
        pull(pusher, reference)
        with counted_statements(ports.db) as statements:
            assert pull(pusher, reference).status_code == 200
        manifest_reads = [each for each in statements if "FROM artifact" in each or "manifest_body" in each]
        assert len(manifest_reads) == 1


def test_a_push_takes_the_same_statements_for_any_number_of_layers(pusher: httpx.Client, ports: Ports) -> None:
    numbers = []
    for seed, layers in enumerate((1, 40)):
        contents = [content_of(20, 100 * seed + number) for number in range(layers)]
        for content in (CONFIG, *contents):
            push(pusher, NAME, content)
        with counted_statements(ports.db) as statements:
            push_manifest(pusher, NAME, image(*contents), f"v{seed}")
        numbers.append(len([each for each in statements if "user_account" not in each and "login_failure" not in each]))
    assert numbers[1] <= numbers[0]


def test_who_did_what_is_written_down(pusher: httpx.Client, ports: Ports, ctx: Context) -> None:
    manifest = push_image(pusher, NAME, "v1")
    pull(pusher, "v1")
    pusher.head(f"/v2/{NAME}/manifests/v1")
    pull(pusher, digest_of(manifest))
    ports.pulls.flush(ctx)  # type: ignore[attr-defined]
    pusher.delete(f"/v2/{NAME}/manifests/v1")
    pusher.delete(f"/v2/{NAME}/manifests/{digest_of(manifest)}")
    with ctx.read() as session:
        rows = session.execute(
            sa.select(AuditLog.username, AuditLog.operation, AuditLog.resource_type, AuditLog.resource)
            .where(AuditLog.resource_type != "project")
            .order_by(AuditLog.op_time, AuditLog.id)
        ).all()
    digest = digest_of(manifest)
    assert sorted(map(tuple, rows)) == sorted(
        [
            ("pusher", "create", "artifact", f"{NAME}:v1"),
            ("pusher", "pull", "artifact", f"{NAME}:v1"),
            ("pusher", "pull", "artifact", f"{NAME}@{digest}"),
            ("pusher", "delete", "tag", f"{NAME}:v1"),
            ("pusher", "delete", "artifact", f"{NAME}@{digest}"),
        ]
    )


def test_pulls_are_counted_afterwards(pusher: httpx.Client, ports: Ports, ctx: Context) -> None:
    push_image(pusher, NAME, "v1")
    for _ in range(3):
        pull(pusher, "v1")
    ports.pulls.flush(ctx)  # type: ignore[attr-defined]
    with ctx.read() as session:
        pulls = session.execute(sa.select(Repository.pull_count)).scalar_one()
        times = session.execute(
            sa.select(Artifact.pull_time, Tag.pull_time).join(Tag, Tag.artifact_id == Artifact.id)
        ).one()
    assert pulls == 3
    assert times[0] is not None
    assert times[0] == times[1]
