"""What the fault tests share: installations of their own, projects, small disks."""

import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from app.db.database import Database
from tests.faults.soundness import database_of
from tests.support.instance import Instance, running

_REPORTS = Path(__file__).parents[2] / ".reports" / "faults"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Thousands of requests a minute need not be told of one by one."""
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.WARNING)
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.fixture
def start(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[..., Instance]]:
    """Start an installation of this test with HARBOR_* settings; stopped at the end, its log kept under .reports."""
    folder = tmp_path / "data"
    try:
        with ExitStack() as stack:
            yield lambda **environment: stack.enter_context(running(folder, **environment))
    finally:
        _REPORTS.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            shutil.copyfile(folder.with_name("data.log"), _REPORTS / f"{request.node.name}.log")


@pytest.fixture
def look() -> Iterator[Callable[[Instance], Database]]:
    """Look into an installation's database beside it."""
    with ExitStack() as stack:
        yield lambda instance: stack.enter_context(database_of(instance))


def create_project(instance: Instance) -> str:
    """Make a private project and return its name."""
    name = f"faults-{secrets.token_hex(4)}"
    with instance.client() as client:
        answer = client.post("/api/v2.0/projects", json={"project_name": name})
    assert answer.status_code == 201, answer.text
    return name


T = TypeVar("T")


def eventually(found: Callable[[], T | None], seconds: float = 60) -> T:
    """Ask until there is something; AssertionError when there is nothing in time."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        assert time.monotonic() < deadline, f"nothing within {seconds:.0f} s"
        time.sleep(0.05)
    return answer
