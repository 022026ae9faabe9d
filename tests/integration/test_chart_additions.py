"""Charts through the management API: their files, and archives that mean harm."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.context import Ports
from app.core.media_types import HELM_CONFIG, OCI_MANIFEST
from tests.integration.conftest import Caller
from tests.support.archives import chart
from tests.support.blobs import digest_of, push
from tests.support.hostile_archives import HOSTILE
from tests.support.manifests import descriptor, push_manifest
from tests.support.people import People

ARCHIVE = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
PLACE = "/projects/private/repositories/web/artifacts"
NAME = "private/web"
FILES = ("values.yaml", "readme.md")
DEPENDENCY = {"name": "db", "version": "1.x", "repository": "https://charts.test", "condition": "db.enabled"}
METADATA = {"name": "web", "version": "1.2.3", "apiVersion": "v2", "description": "A web", "dependencies": [DEPENDENCY]}
HALF_A_MIB = 512 * 1024
MOST_MEMORY = 4 * 1024 * 1024


@pytest.fixture
def docker(client: httpx.Client, people: People) -> httpx.Client:
    """The administrator's client of the registry."""
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    return client


def push_chart(docker: httpx.Client, archive: bytes, metadata: object = METADATA, name: str = NAME) -> str:
    """Push a chart as helm does, under the tag 1; returns its digest."""
    config = json.dumps(metadata).encode()
    provenance = b"-----BEGIN PGP SIGNED MESSAGE-----"
    for content in (config, archive, provenance):
        push(docker, name, content)
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, HELM_CONFIG),
        "layers": [
            descriptor(provenance, "application/vnd.cncf.helm.chart.provenance.v1.prov"),
            descriptor(archive, ARCHIVE),
        ],
    }
    return push_manifest(docker, name, json.dumps(document).encode(), "1")


def statuses(client: httpx.Client, *names: str) -> list[int]:
    return [client.get(f"{PLACE}/1/additions/{name}").status_code for name in names]


def test_a_chart_shows_its_files_and_dependencies(admin: httpx.Client, docker: httpx.Client) -> None:
    push_chart(docker, chart({"values.yaml": b"replicas: 1\n", "README.md": "# Wéb\n".encode()}))
    answers = [admin.get(f"{PLACE}/1/additions/{name}") for name in (*FILES, "dependencies")]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert [answer.headers["Content-Type"] for answer in answers] == [
        "text/plain; charset=utf-8",
        "text/markdown; charset=utf-8",
        "application/json; charset=utf-8",
    ]
    assert [answer.text for answer in answers[:2]] == ["replicas: 1\n", "# Wéb\n"]
    assert answers[2].json() == [DEPENDENCY]
    shown = admin.get(f"{PLACE}/1").json()
    assert (shown["type"], shown["extra_attrs"]) == ("CHART", METADATA)
    assert shown["addition_links"].keys() == {*FILES, "dependencies"}
    for link in shown["addition_links"].values():
        assert admin.get(f"http://registry.test{link['href']}").status_code == 200
    assert statuses(admin, "build_history", "sbom", "license", "files") == [400] * 4


def test_dependencies_are_written_as_helm_writes_them(admin: httpx.Client, docker: httpx.Client) -> None:
    full = DEPENDENCY | {"tags": ["a"], "enabled": True, "import-values": [{"child": "x", "parent": "y"}], "alias": "z"}
    odd = [full, {"name": "plain"}, 5, {"name": 5, "tags": "a", "enabled": "yes"}]
    push_chart(docker, chart({}), METADATA | {"apiVersion": "v1", "dependencies": odd})
    assert admin.get(f"{PLACE}/1/additions/dependencies").json() == [
        full,
        {"name": "plain", "repository": ""},
        {"name": "", "repository": ""},
    ]
    for metadata in ({"name": "web", "dependencies": None}, {"name": "web", "dependencies": {}}, {"name": "web"}):
        push_chart(docker, chart({}), metadata)
        assert admin.get(f"{PLACE}/1/additions/dependencies").json() == []


def test_a_chart_without_files_has_none(admin: httpx.Client, docker: httpx.Client) -> None:
    push_chart(docker, chart({"templates/a.yaml": b""}))
    assert statuses(admin, *FILES) == [404, 404]
    assert "the chart holds none" in admin.get(f"{PLACE}/1/additions/readme.md").text


def test_whoever_may_not_see_the_project_sees_no_file_of_it(
    caller: Caller, admin: httpx.Client, docker: httpx.Client
) -> None:
    archive = chart({"values.yaml": b"secret: 1\n"})
    push_chart(docker, archive)
    assert statuses(admin, "values.yaml") == [200]
    assert statuses(caller("stranger"), "values.yaml", "vulnerabilities") == [403, 403]
    assert statuses(caller(None), "values.yaml", "vulnerabilities") == [401, 401]
    push_chart(docker, archive, name="public/web")
    assert caller(None).get(f"{PLACE}/1/additions/values.yaml".replace("private", "public")).text == "secret: 1\n"


def test_a_deleted_chart_shows_nothing_though_its_files_were_read(admin: httpx.Client, docker: httpx.Client) -> None:
    push_chart(docker, chart({"values.yaml": b"a: 1\n"}))
    assert statuses(admin, "values.yaml") == [200]
    assert admin.delete(f"{PLACE}/1").status_code == 200
    assert statuses(admin, "values.yaml") == [404]


def test_an_archive_is_read_once(admin: httpx.Client, docker: httpx.Client, ports: Ports, tmp_path: Path) -> None:
    archive = chart({"values.yaml": b"a: 1\n"})
    digest = push_chart(docker, archive)
    assert statuses(admin, *FILES) == [200, 404]
    files = ports.chart_files.get(digest_of(archive))
    assert files is not None
    assert files.contents == {"values.yaml": b"a: 1\n"}
    assert admin.get(f"{PLACE}/{digest}/additions/values.yaml").text == "a: 1\n"
    assert list(tmp_path.rglob("values.yaml")) == []


def traced_peak(call: Callable[[], object]) -> int:
    """The bytes of memory that a call took at most."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("hostile", sorted(HOSTILE.keys() - {"pax records"}))
def test_a_hostile_archive_is_stored_and_shows_nothing(admin: httpx.Client, docker: httpx.Client, hostile: str) -> None:
    archive = HOSTILE[hostile]()
    push_chart(docker, archive)
    found: list[int] = []
    peak = traced_peak(lambda: found.extend(statuses(admin, *FILES)))
    assert found == [404, 404]
    assert peak < 2 * len(archive) + MOST_MEMORY
    assert docker.get(f"/v2/{NAME}/blobs/{digest_of(archive)}").content == archive
    assert admin.get(f"{PLACE}/1").json()["extra_attrs"] == METADATA
    assert statuses(admin, "dependencies") == [200]


def test_too_large_a_file_or_archive_is_said_to_be(admin: httpx.Client, docker: httpx.Client) -> None:
    push_chart(docker, chart({"values.yaml": bytes(3 * HALF_A_MIB), "README.md": b"x" * HALF_A_MIB}))
    assert statuses(admin, *FILES) == [413, 200]
    push_chart(docker, chart({}) + bytes(17 * 1024 * 1024))
    assert statuses(admin, *FILES) == [413, 413]
