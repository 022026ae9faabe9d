"""What a client generated from Harbor's document, which refuses every key that it does not know, is answered."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from flask import Flask

from app.context import Ports
from app.web.openapi import document
from tests.contract.api.compare import operations
from tests.support.blobs import push
from tests.support.immutability import make_rule
from tests.support.manifests import EMPTY, OCI_INDEX, OCI_MANIFEST, artifact, descriptor, push_image, push_manifest
from tests.support.members import make_group
from tests.support.people import People
from tests.support.robots import entry, make_robot

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_MODELS: Mapping[str, Any] = json.loads((Path(__file__).parents[1] / "harbor-api.json").read_text())["definitions"]
_OURS = {"Deletion", "DeletionTask", "ImmutabilityVerdict", "Sizes", "TagRecord"}
"""Models of operations that Harbor does not have, so that no such client asks for them."""
_ON_THE_WIRE = {"Platform": {"OsVersion", "OsFeatures"}, "Repository": {"labels"}}
"""Keys that Harbor's server writes in place of what its document says, and those that a parameter of ours asks for."""
_ASKED = {
    "with_accessory": "true",
    "with_label": "true",
    "with_immutable_status": "true",
    "repository": "app",
    "tag": "1",
    "scope": "/system",
    "username": "guest",
    "groupname": "people",
}
_ASKED_OF = {"/labels": {"scope": "g"}, "/search": {"q": "private"}}
"""Parameters that one path asks for otherwise."""
_ADDITION = "/projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/additions/{addition}"
_NO_OBJECTS = {"/internalconfig", "/ping", "/system/gc/{gc_id}/log", "/systeminfo/getcert", _ADDITION}


@pytest.fixture
def names(people: People, ports: Ports, admin: httpx.Client, registry: httpx.Client) -> Mapping[str, object]:
    """An installation in which there is one of everything, and what is put into paths to name it."""
    child = push_image(registry, "private/app")
    platform = {"os": "windows", "architecture": "amd64", "os.version": "10", "os.features": ["a"], "variant": "v1"}
    listed = descriptor(child, OCI_MANIFEST, platform=platform, annotations={"a": "b"}, urls=["http://a.test"])
    about = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": listed["digest"]}
    attestation = descriptor(
        push_image(registry, "private/app", seed=1),
        OCI_MANIFEST,
        platform={"os": "unknown", "architecture": "unknown"},
        annotations=about,
    )
    entries = [listed, attestation]
    parent = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, "annotations": {"a": "b"}})
    push_manifest(registry, "private/app", parent.encode(), "1")
    push(registry, "private/app", EMPTY)
    push_manifest(registry, "private/app", artifact(parent.encode()))
    group = make_group(ports, "people", people["guest"].id)
    robot = make_robot(admin, "ci", entry("private", "repository:pull"), level="project", duration=3)
    make_robot(admin, "system", entry("*", "repository:pull"))
    admin.put("/system/CVEAllowlist", json={"items": [{"cve_id": "CVE-2024-1"}], "expires_at": 4_000_000_000})
    admin.put("/projects/private", json={"cve_allowlist": {"items": [{"cve_id": "CVE-2024-1"}]}})
    label = {"name": "a", "scope": "g", "description": "b", "color": "#fff"}
    label_id = int(admin.post("/labels", json=label).headers["Location"].rpartition("/")[2])
    for place in ("app", "app/artifacts/1"):
        admin.post(f"/projects/private/repositories/{place}/labels", json={"id": label_id}).raise_for_status()
    make_rule(admin, "*")
    admin.post("/system/gc/schedule", json={"schedule": {"type": "Manual"}, "parameters": {"dry_run": True}})
    requested = admin.post("/projects/private/repositories/app/artifacts/_delete", json={"tags": ["2"]})
    return {
        "project_name_or_id": "private",
        "project_name": "private",
        "repository_name": "app",
        "reference": "1",
        "label_id": label_id,
        "digest": admin.get("/projects/private/repositories/app/artifacts/1").json()["icon"],
        "meta_name": "public",
        "mid": admin.get("/projects/private/members").json()[0]["id"],
        "robot_id": robot.id,
        "group_id": group,
        "user_id": people["guest"].id,
        "id": admin.get("/quotas").json()[0]["id"],
        "deletion_id": requested.headers["Location"].rpartition("/")[2],
        "tag_name": "1",
        "gc_id": admin.get("/system/gc").json()[0]["id"],
    }


def unknown(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:  # noqa: ANN401 - JSON
    """The keys of an answer that Harbor's document does not have."""
    if "$ref" in schema or "ref" in schema or "allOf" in schema:
        reference = schema["allOf"][0] if "allOf" in schema else schema
        name = str(reference.get("$ref") or reference["ref"]).rpartition("/")[2]
        yield from () if name in _OURS else unknown(value, _MODELS[name], f"{place} {name}")
    elif isinstance(value, list):
        for item in value:
            yield from unknown(item, schema.get("items", {}), place)
    elif isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        for key, inner in value.items():
            if key in known:
                yield from unknown(inner, known[key], f"{place}.{key}")
            elif key not in _ON_THE_WIRE.get(place.rpartition(" ")[2], ()):
                yield f"{place}.{key}"


def answers(app: Flask, admin: httpx.Client, names: Mapping[str, object], **asked: str) -> Iterator[str]:
    """All keys of all answers to GET that a strict client refuses."""
    for method, path, operation in operations(document(app)):
        if method == "GET" and path not in _NO_OBJECTS:
            answer = admin.get(path.format(**names), params=_ASKED | _ASKED_OF.get(path, {}) | asked)
            assert answer.status_code == 200, f"{path}: {answer.text}"
            if answer.content:
                found = unknown(answer.json(), operation["responses"]["200"].get("schema", {}), path)
                yield from dict.fromkeys(found)


def test_no_answer_has_a_key_that_harbors_document_has_not(
    app: Flask, admin: httpx.Client, names: Mapping[str, object]
) -> None:
    assert list(answers(app, admin, names)) == []


def test_what_is_ours_comes_when_asked_for(app: Flask, admin: httpx.Client, names: Mapping[str, object]) -> None:
    added = set(answers(app, admin, names, with_extensions="true"))
    paths = {"/robots", "/robots/{robot_id}"}
    paths |= {f"/projects/{{project_name_or_id}}{path}" for path in paths}
    keys = {f"/configurations ConfigurationsResponse.{key}" for key in ("identity_tokens", "session_lifetime")}
    artifacts = "/projects/{project_name}/repositories/{repository_name}/artifacts"
    listed = (artifacts, f"{artifacts}/{{reference}}", "/projects/{project_name_or_id}/artifacts", "/artifacts")
    keys |= {f"{path} Artifact.references Reference.attests" for path in listed}
    keys |= {f"/search Search.{key}" for key in ("artifact", "chart")}
    assert added == {f"{path} Robot.expired" for path in paths} | keys
    assert list(answers(app, admin, names, with_extensions="perhaps")) == []


def test_the_links_of_a_page_ask_for_it_too(admin: httpx.Client, names: Mapping[str, object]) -> None:
    assert names
    link = admin.get("/users?page_size=1&with_extensions=true").headers["Link"]
    assert "with_extensions=true" in link
