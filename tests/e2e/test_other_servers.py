"""PostgreSQL instead of SQLite, an existing Temporal instead of the embedded one, and a Temporal that is not there."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.collecting import bytes_on_disk, collect
from tests.e2e.conftest import create_project
from tests.e2e.images import Layout
from tests.e2e.programs import program
from tests.e2e.shells import crane_of
from tests.e2e.waiting import eventually
from tests.support.instance import Instance, running
from tests.support.network import free_port
from tests.support.postgres import Cluster


@pytest.mark.postgres
def test_postgresql(postgres_cluster: Cluster, layout: Layout, tmp_path: Path) -> None:
    url = postgres_cluster.url(postgres_cluster.create())
    with running(tmp_path / "data", HARBOR_DATABASE_URL=url, HARBOR_GC_TIME_WINDOW="0s") as instance:
        name = _push_and_pull(instance, layout, tmp_path)
        assert not list(instance.folder.glob("pyharbor.db*"))
        with instance.client() as client:
            project, _, repository = name.partition("/")
            answer = client.delete(f"/api/v2.0/projects/{project}/repositories/{repository}/artifacts/1")
            assert answer.status_code == 200, answer.text
        collect(instance)
        assert bytes_on_disk(instance) == 0


@pytest.mark.temporal
def test_an_existing_temporal(layout: Layout, tmp_path: Path) -> None:
    port = free_port()
    with (
        _temporal(tmp_path, port),
        running(tmp_path / "data", HARBOR_TEMPORAL_ADDRESS=f"127.0.0.1:{port}") as instance,
    ):
        assert instance.pids("start-dev") == []
        _push_and_pull(instance, layout, tmp_path)
        collect(instance)


@pytest.mark.temporal
def test_without_temporal_clients_notice_nothing_and_jobs_wait(layout: Layout, tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path / "data", HARBOR_TEMPORAL_ADDRESS=f"127.0.0.1:{port}") as instance:
        _push_and_pull(instance, layout, tmp_path)
        with instance.client() as client:
            body = {"schedule": {"type": "Manual"}, "parameters": {"delete_untagged": False}}
            asked = client.post("/api/v2.0/system/gc/schedule", json=body)
            assert asked.status_code == 201, asked.text

            def status() -> str:
                answer = client.get(asked.headers["location"])
                assert answer.status_code == 200, answer.text
                return str(answer.json()["job_status"])

            time.sleep(3)
            assert status() == "Pending"
            _push_and_pull(instance, layout, tmp_path)
            with _temporal(tmp_path, port):
                eventually(lambda: status() == "Success", seconds=60)
            _push_and_pull(instance, layout, tmp_path)


@contextmanager
def _temporal(folder: Path, port: int) -> Iterator[None]:
    command = [program("temporal"), "server", "start-dev", "--headless", "--ip", "127.0.0.1", "--port", str(port)]
    command += ["--db-filename", str(folder / "temporal.db"), "--log-level", "error"]
    with (folder / "temporal.log").open("ab") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        eventually(lambda: _listens(port))
        yield
    finally:
        server.terminate()
        server.wait(20)


def _push_and_pull(instance: Instance, layout: Layout, home: Path) -> str:
    name = f"{create_project(instance)}/app"
    crane = crane_of(instance, home)
    crane("push", str(layout.folder), f"{instance.host}/{name}:1")
    assert crane("validate", "--remote", f"{instance.host}/{name}:1").startswith("PASS")
    assert crane("digest", f"{instance.host}/{name}:1") == layout.digest
    return name


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
