"""``pyharbor gc run`` beside a worker, as an administrator types it."""

import os
import subprocess
import sys

import pytest

from tests.support.people import People
from tests.support.worker import WorkerProcess
from tests.workflows.scene import Scene

pytestmark = pytest.mark.temporal


def test_it_waits_and_prints_the_log(
    scene: Scene, people: People, worker: WorkerProcess, environment: dict[str, str]
) -> None:
    scene.leave_unreferenced(4)
    worker.start()
    command = [sys.executable, "-m", "app.cli", "gc", "run"]
    variables = {**os.environ, **environment, "HARBOR_LOG_LEVEL": "error"}

    counted = subprocess.run(
        [*command, "--dry-run", "--wait"], env=variables, capture_output=True, text=True, check=True
    )
    assert "4 blobs and 0 manifests eligible for deletion" in counted.stdout
    assert scene.objects() == 4

    freed = subprocess.run([*command, "--wait"], env=variables, capture_output=True, text=True, check=True)
    assert freed.stdout.endswith('Success {"purged_manifests": 0, "purged_blobs": 4, "freed_space": 4000}\n')
    assert scene.objects() == 0


def test_it_only_asks_without_wait(scene: Scene, people: People, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "app.cli", "gc", "run", "--workers", "2"]
    asked = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=True)
    assert asked.stdout == "garbage collection 1 is asked for\n"
    assert scene.execution(1).status == "Pending"
