"""Garbage collection as people see it: a deleted image's bytes go, the rest stays, Temporal's UI shows the run."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.e2e.browser import page
from tests.e2e.collecting import bytes_on_disk, collect
from tests.e2e.conftest import create_project
from tests.e2e.engine import Docker
from tests.support.instance import PASSWORD, Instance, running

_UNIQUE_BYTES = 8_000_000
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@pytest.fixture(scope="module")
def collecting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An installation that spares nothing for its age."""
    with running(tmp_path_factory.mktemp("collecting") / "data", HARBOR_GC_TIME_WINDOW="0s") as started:
        yield started


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """Two images of one base in a project: one to delete, one to keep."""

    project: str
    doomed: str
    kept: str
    doomed_layer: str
    ids: dict[str, str]


@pytest.fixture
def administrator(engine_without_login: Docker, collecting: Instance) -> Docker:
    """The administrator's Docker, logged in to that installation."""
    person = engine_without_login.other_person()
    person.login(collecting.host, "admin", PASSWORD)
    return person


@pytest.fixture
def pushed(administrator: Docker, collecting: Instance, image: str, tmp_path: Path) -> Pushed:
    """Both images are in the registry and not in the engine."""
    project = create_project(collecting)
    kept, doomed = (f"{collecting.host}/{project}/{name}:1" for name in ("kept", "doomed"))
    administrator("tag", image, kept)
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nCOPY unique.bin /\n", encoding="utf-8")
    (tmp_path / "unique.bin").write_bytes(secrets.token_bytes(_UNIQUE_BYTES))
    administrator("build", "--network=none", "--tag", doomed, str(tmp_path))
    for name in (kept, doomed):
        administrator("push", name)
    with collecting.client() as client:
        manifest = client.get(f"/v2/{project}/doomed/manifests/1", headers={"Accept": _MANIFEST}).json()
    ids = {name: administrator.image_id(name) for name in (kept, doomed)}
    layer = manifest["layers"][-1]["digest"]
    return Pushed(project=project, doomed=doomed, kept=kept, doomed_layer=layer, ids=ids)


@pytest.mark.docker
def test_bytes_of_a_deleted_image_are_freed(administrator: Docker, collecting: Instance, pushed: Pushed) -> None:
    collect(collecting)
    before = bytes_on_disk(collecting)
    archive = administrator("save", pushed.doomed, "--output", str(collecting.folder.parent / "doomed.tar"))
    assert archive == ""
    with collecting.client() as client:
        answer = client.delete(f"/api/v2.0/projects/{pushed.project}/repositories/doomed/artifacts/1")
        assert answer.status_code == 200, answer.text
        assert client.head(f"/v2/{pushed.project}/kept/manifests/1").status_code == 200

        collect(collecting, "--dry-run")
        assert bytes_on_disk(collecting) == before
        collect(collecting)

        freed = before - bytes_on_disk(collecting)
        assert _UNIQUE_BYTES <= freed < 1.05 * _UNIQUE_BYTES
        assert client.get(f"/v2/{pushed.project}/doomed/blobs/{pushed.doomed_layer}").status_code == 404
        assert _last_run(client)["job_status"] == "Success"

    administrator.forget_everything()
    administrator("pull", pushed.kept)
    assert administrator.image_id(pushed.kept) == pushed.ids[pushed.kept]

    administrator("load", "--input", str(collecting.folder.parent / "doomed.tar"))
    administrator("push", pushed.doomed)
    administrator.forget_everything()
    administrator("pull", pushed.doomed)
    assert administrator.image_id(pushed.doomed) == pushed.ids[pushed.doomed]
    collect(collecting)
    with collecting.client() as client:
        assert client.get(f"/v2/{pushed.project}/doomed/blobs/{pushed.doomed_layer}").status_code == 200


@pytest.mark.browser
def test_the_run_is_seen_in_temporals_own_interface(collecting: Instance, reports: Path) -> None:
    collect(collecting)
    with page() as browser:
        browser.goto(f"http://127.0.0.1:{collecting.ui_port}/namespaces/registry/workflows", timeout=60_000)
        expect(browser.get_by_text("GarbageCollection").first).to_be_visible(timeout=30_000)
        expect(browser.get_by_text("Completed").first).to_be_visible(timeout=30_000)
        browser.screenshot(path=reports / "temporal-gc.png")
        browser.get_by_role("link", name="gc-").first.click()
        expect(browser.get_by_text("gc_acquire").first).to_be_visible(timeout=30_000)
        browser.screenshot(path=reports / "temporal-gc-run.png")


def _last_run(client: httpx.Client) -> dict[str, object]:
    answer = client.get("/api/v2.0/system/gc", params={"page_size": 1, "sort": "-creation_time"})
    assert answer.status_code == 200, answer.text
    runs: list[dict[str, object]] = answer.json()
    assert json.loads(str(runs[0]["job_parameters"]))["dry_run"] is False
    return runs[0]
