"""Docker meets a garbage collection: its own retries carry the layers over a short one, and pulls go on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from app.db import gate
from tests.e2e.engine import Docker
from tests.e2e.people import inside
from tests.support.instance import Instance

pytestmark = pytest.mark.docker
_HOLDER = "end-to-end-test"
_LEASE_MS = 60_000
_HELD_SECONDS = 3.0


def test_a_push_is_carried_over_a_collection(docker: Docker, instance: Instance, project: str, image: str) -> None:
    name = f"{instance.host}/{project}/patient:1"
    docker("tag", image, name)
    before = docker.image_id(image)
    with inside(instance) as ctx:
        with ctx.write() as session:
            fence = gate.acquire(session, _HOLDER, _LEASE_MS)
        assert fence is not None

        def give_back() -> None:
            with ctx.write() as session:
                gate.release(session, _HOLDER, fence)

        later = threading.Timer(_HELD_SECONDS, give_back)
        later.start()
        printed = docker("push", name)
        later.join()
    assert "Retrying in" in printed
    docker.forget_everything()
    docker("pull", name)
    assert docker.image_id(name) == before


def test_pulls_go_on_and_a_manifest_is_refused(docker: Docker, instance: Instance, project: str, image: str) -> None:
    name = f"{instance.host}/{project}/app"
    docker("tag", image, f"{name}:1")
    docker("tag", image, f"{name}:2")
    docker("push", f"{name}:1")
    docker.forget_everything()
    with _collecting(instance):
        docker("pull", f"{name}:1")
        docker("tag", f"{name}:1", f"{name}:2")
        refused = docker.run("push", f"{name}:2")
        assert refused.returncode == 1
        assert "503 Service Unavailable" in refused.stderr
    docker("push", f"{name}:2")


def test_the_administrators_switch_is_a_refusal_that_is_not_retried(
    docker: Docker, instance: Instance, project: str, image: str
) -> None:
    name = f"{instance.host}/{project}/app:1"
    docker("tag", image, name)
    try:
        assert instance.command("admin", "read-only", "on").returncode == 0
        started = time.monotonic()
        refused = docker.run("push", name)
        assert refused.returncode == 1
        assert "read only mode" in refused.stderr
        assert "Retrying" not in refused.stdout
        assert time.monotonic() - started < 30
    finally:
        assert instance.command("admin", "read-only", "off").returncode == 0
    docker("push", name)


@contextmanager
def _collecting(instance: Instance) -> Iterator[None]:
    with inside(instance) as ctx:
        with ctx.write() as session:
            fence = gate.acquire(session, _HOLDER, _LEASE_MS)
        assert fence is not None
        try:
            yield
        finally:
            with ctx.write() as session:
                gate.release(session, _HOLDER, fence)
