"""What is inside artifacts, through the management API: facts, additions and the links to them, by type."""

import json

import httpx
import pytest

from app.core.media_types import DOCKER_CONFIG, OCI_CONFIG
from app.oci.limits import EXTRA_BYTES
from tests.support.blobs import digest_of, push
from tests.support.manifests import (
    EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    artifact,
    descriptor,
    index,
    push_image,
    push_manifest,
)
from tests.support.people import People
from tests.support.typed_artifacts import NAME, PLACE, addition, layer, links, pushed, shown, statuses

SBOM = "application/vnd.goharbor.harbor.sbom.v1"
JSON = "application/json; charset=utf-8"


@pytest.fixture
def docker(client: httpx.Client, people: People) -> httpx.Client:
    """The administrator's client of the registry."""
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    return client


def test_an_image_shows_how_it_was_built(admin: httpx.Client, docker: httpx.Client) -> None:
    step = {"created": "2026-01-02T03:04:05Z", "created_by": "RUN x", "comment": "buildkit"}
    config = {
        "architecture": "arm64",
        "os": "linux",
        "variant": "v8",
        "config": {"Labels": {"maintainer": "me", "org.opencontainers.image.authors": "us"}},
        "history": [step, {"created_by": "CMD y", "empty_layer": True, "ours": 1}, 7, {"comment": 5}],
    }
    for config_type in (OCI_CONFIG, DOCKER_CONFIG):
        pushed(docker, json.dumps(config).encode(), config_type, [])
        answer = addition(admin, "build_history")
        assert answer.json() == [step, {"created_by": "CMD y", "empty_layer": True}, {}]
        assert answer.headers["Content-Type"] == JSON
        expected = {name: config[name] for name in ("architecture", "os", "variant", "config")}
        assert shown(admin)["extra_attrs"] == expected | {"author": "us", "created": None}
        assert links(admin).keys() == {"build_history"}
    assert statuses(admin, "sbom", "values.yaml", "dependencies", "files", "license") == [404, 400, 400, 400, 400]


def test_an_image_without_history_has_an_empty_one(admin: httpx.Client, docker: httpx.Client) -> None:
    push_image(docker, NAME, "1")
    assert addition(admin, "build_history").json() == []


def test_links_lead_through_names_with_slashes(admin: httpx.Client, docker: httpx.Client) -> None:
    manifest = push_image(docker, "private/a/b", "1")
    (listed,) = admin.get("/projects/private/repositories/a%252Fb/artifacts").json()
    (link,) = listed["addition_links"].values()
    place = "/api/v2.0/projects/private/repositories/a%252Fb/artifacts"
    assert link["href"] == f"{place}/{digest_of(manifest)}/additions/build_history"
    assert admin.get(f"http://registry.test{link['href']}").status_code == 200


def test_an_index_has_platforms_and_its_attestations_are_known(admin: httpx.Client, docker: httpx.Client) -> None:
    child, attestation = push_image(docker, NAME), push_image(docker, NAME, seed=1)
    platform = {"os": "linux", "architecture": "arm", "variant": "v7"}
    unknown = {"os": "unknown", "architecture": "unknown"}
    about = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": digest_of(child)}
    entries = [
        descriptor(child, OCI_MANIFEST, platform=platform),
        descriptor(attestation, OCI_MANIFEST, platform=unknown, annotations=about),
    ]
    push_manifest(docker, NAME, index(manifests=entries), "1")
    references = admin.get(PLACE, params={"with_extensions": "true"}).json()[0]["references"]
    assert [reference["platform"] for reference in references] == [
        platform | {"OsFeatures": None},
        unknown | {"OsFeatures": None},
    ]
    assert [reference.get("attests") for reference in references] == [None, digest_of(child)]
    assert "attests" not in shown(admin)["references"][1]
    assert "addition_links" not in shown(admin)
    assert statuses(admin, "build_history", "sbom", "files") == [400, 404, 400]
    assert statuses(admin, "build_history", reference=digest_of(child)) == [200]


def test_webassembly_of_both_kinds(admin: httpx.Client, docker: httpx.Client) -> None:
    config = {"architecture": "wasm", "os": "wasi", "history": [{"created_by": "cc"}]}
    annotations = {"module.wasm.image/variant": "compat"}
    pushed(docker, json.dumps(config).encode(), OCI_CONFIG, [], annotations=annotations)
    found = shown(admin)
    assert (found["type"], found["extra_attrs"]["architecture"]) == ("WASM", "wasm")
    assert found["extra_attrs"]["manifest.config.mediaType"] == OCI_CONFIG
    assert addition(admin, "build_history").json() == [{"created_by": "cc"}]
    own = "application/vnd.wasm.config.v1+json"
    titled = {"org.opencontainers.image.title": "a.wasm"}
    pushed(docker, b"{}", own, [layer(docker, b"x", "application/vnd.wasm.content.layer.v1+wasm", annotations=titled)])
    assert shown(admin)["extra_attrs"] == {
        "manifest.config.mediaType": own,
        "manifest.layers.mediaType": "application/vnd.wasm.content.layer.v1+wasm",
        "org.opencontainers.image.title": "a.wasm",
    }
    assert addition(admin, "build_history").json() == []
    assert statuses(admin, "sbom", "files") == [400, 400]


def test_a_bundle_shows_its_description(admin: httpx.Client, docker: httpx.Client) -> None:
    bundle = {"name": "helloworld", "version": "0.1.1", "invocationImages": [{"image": "a"}]}
    child = pushed(docker, json.dumps(bundle).encode(), "application/vnd.cnab.config.v1+json", [])
    entry = descriptor(child, OCI_MANIFEST, annotations={"io.cnab.manifest.type": "config"})
    marked = {"org.opencontainers.artifactType": "application/vnd.cnab.manifest.v1"}
    push_manifest(docker, NAME, index(manifests=[entry], annotations=marked), "1")
    assert (shown(admin)["type"], shown(admin)["extra_attrs"]) == ("CNAB", bundle)
    push_manifest(docker, NAME, index(manifests=[], annotations=marked), "1")
    assert (shown(admin)["type"], shown(admin).get("extra_attrs")) == ("CNAB", None)
    assert statuses(admin, "build_history", "sbom") == [400, 400]


def test_an_sbom_is_that_of_its_subject(admin: httpx.Client, docker: httpx.Client) -> None:
    subject = push_image(docker, NAME, "1")
    push(docker, NAME, EMPTY)
    document = b'{"spdxVersion":"SPDX-2.3"}'
    attached = artifact(subject, SBOM, layers=[layer(docker, document, SBOM)])
    push_manifest(docker, NAME, attached)
    for reference in ("1", digest_of(attached)):
        answer = addition(admin, "sbom", reference)
        assert (answer.content, answer.headers["Content-Type"]) == (document, SBOM)
    assert shown(admin, digest_of(attached))["type"] == "SBOM"
    assert statuses(admin, "build_history", reference=digest_of(attached)) == [400]


def test_other_types_show_their_config_when_its_type_names_one(admin: httpx.Client, docker: httpx.Client) -> None:
    config = b'{"fuel":"solid","stages":[1,2],"secret":1,"spare":null}'
    push(docker, NAME, config)
    named = descriptor(
        config,
        "application/vnd.acme.rocket.config.v1+json",
        annotations={"io.goharbor.artifact.v1alpha1.skip-list": "secret,other"},
    )
    push_manifest(docker, NAME, artifact(None, "", config=named), "1")
    assert (shown(admin)["type"], shown(admin)["extra_attrs"]) == ("ROCKET", {"fuel": "solid", "stages": [1, 2]})
    assert "addition_links" not in shown(admin)
    assert statuses(admin, "build_history", "readme.md", "sbom", "files") == [400] * 4
    pushed(docker, config, "application/vnd.acme", [])
    assert (shown(admin)["type"], shown(admin).get("extra_attrs")) == ("UNKNOWN", None)


@pytest.mark.parametrize(
    "config",
    [
        b"no json",
        b"[]",
        b'{"a":1,"a":2}',
        b'{"a":' * 3000 + b"1" + b"}" * 3000,
        b'{"a":[' + b"1," * 300_000 + b"1]}",
        b'{"a":"' + b"x" * (5 * 2**20) + b'"}',
    ],
    ids=["text", "list", "duplicate", "deep", "many", "large"],
)
def test_a_config_that_cannot_be_read_stores_the_artifact(
    admin: httpx.Client, docker: httpx.Client, config: bytes
) -> None:
    pushed(docker, config, "application/vnd.acme.rocket.config.v1+json", [])
    assert (shown(admin)["type"], shown(admin).get("extra_attrs")) == ("ROCKET", None)


def test_large_facts_are_bounded(admin: httpx.Client, docker: httpx.Client) -> None:
    config = json.dumps({"name": "x", "large": ["y" * 100] * (EXTRA_BYTES // 100)}).encode()
    pushed(docker, config, "application/vnd.acme.rocket.config.v1+json", [])
    assert shown(admin)["extra_attrs"] == {"name": "x"}


def test_additions_that_there_are_not(admin: httpx.Client, docker: httpx.Client) -> None:
    push_image(docker, NAME, "1")
    assert statuses(admin, "Build_History", "nonsense", "values.yml") == [422, 422, 422]
    assert statuses(admin, "build_history", "vulnerabilities", reference="none") == [404, 404]
    place = "/projects/private/repositories/none/artifacts/1/additions"
    assert [admin.get(f"{place}/{name}").status_code for name in ("build_history", "vulnerabilities")] == [404, 404]


def test_what_was_not_scanned_has_no_reports(admin: httpx.Client, docker: httpx.Client) -> None:
    push_image(docker, NAME, "1")
    answer = addition(admin, "vulnerabilities")
    assert (answer.status_code, answer.content, answer.headers["Content-Type"]) == (200, b"{}", "application/json")
    assert "vulnerabilities" not in shown(admin)["addition_links"]


def test_the_media_type_of_an_index_is_not_that_of_an_image(admin: httpx.Client, docker: httpx.Client) -> None:
    push_manifest(docker, NAME, index(push_image(docker, NAME)), "1")
    assert (shown(admin)["type"], shown(admin)["manifest_media_type"]) == ("IMAGE", OCI_INDEX)
