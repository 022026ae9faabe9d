"""Manifests through the front door: push by tag and digest, pull, conditional pull, and what is refused."""

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Artifact, Repository, Tag
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.core.digest import Digest
from app.storage.models import ZeroReference
from tests.support.blobs import content_of, digest_of, push
from tests.support.contents import code_of, count, counters, pull
from tests.support.manifests import (
    CONFIG,
    EMPTY,
    OCI_MANIFEST,
    artifact,
    image,
    push_image,
    push_manifest,
    put,
)
from tests.support.queries import counted_statements

NAME = "library-test/app"
OTHER = "library-test/other"


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
        numbers.append(
            len(
                [
                    each
                    for each in statements
                    if not any(name in each for name in ("user_account", "login_failure", "known_login"))
                ]
            )
        )
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
            .where(AuditLog.resource_type.in_(("artifact", "tag")))
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
