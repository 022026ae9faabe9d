"""What the end-to-end tests share: one installation, one Docker engine, a Debian image, projects and people."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.engine import Docker, engine
from tests.e2e.images import Layout, build_debian_image, write_layout
from tests.support.instance import PASSWORD, Instance, running

REPORTS = Path(__file__).parents[2] / ".reports" / "e2e"
IMAGE = "pyharbor-e2e/debian:latest"


@pytest.fixture(scope="session")
def reports() -> Path:
    """Where logs and pictures stay."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    return REPORTS


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory, reports: Path) -> Iterator[Instance]:
    """The installation that most tests talk to."""
    folder = tmp_path_factory.mktemp("instance") / "data"
    try:
        with running(folder) as started:
            yield started
    finally:
        shutil.copyfile(folder.with_name("data.log"), reports / "server.log")


@pytest.fixture(scope="session")
def engine_without_login() -> Iterator[Docker]:
    """A Docker engine and a person who has not logged in."""
    with engine() as docker:
        yield docker


@pytest.fixture(scope="session")
def docker(engine_without_login: Docker, instance: Instance) -> Docker:
    """The administrator's Docker."""
    person = engine_without_login.other_person()
    person.login(instance.host, "admin", PASSWORD)
    return person


@pytest.fixture(scope="session")
def image_archive(engine_without_login: Docker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A multi-layer Debian image as ``docker save`` writes it."""
    folder = tmp_path_factory.mktemp("image")
    build_debian_image(engine_without_login, IMAGE, folder / "context")
    engine_without_login("save", "--output", str(folder / "image.tar"), IMAGE)
    return folder / "image.tar"


@pytest.fixture
def image(engine_without_login: Docker, image_archive: Path) -> str:
    """The name of the Debian image in the engine, brought back if a test removed it."""
    if not engine_without_login.has(IMAGE):
        engine_without_login("load", "--input", str(image_archive))
    return IMAGE


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A small OCI image on disk that no other test has."""
    return write_layout(tmp_path / "layout")


@pytest.fixture
def new_project(instance: Instance) -> Callable[..., str]:
    """Make a project, private unless ``public=True``, and return its name."""

    def make(*, public: bool = False) -> str:
        return create_project(instance, public=public)

    return make


@pytest.fixture
def project(new_project: Callable[..., str]) -> str:
    """The name of a private project of this test alone."""
    return new_project()


def create_project(instance: Instance, *, public: bool = False) -> str:
    """Make a project through the API and return its name."""
    name = f"e2e-{secrets.token_hex(4)}"
    body = {"project_name": name, "metadata": {"public": str(public).lower()}}
    with instance.client() as client:
        answer = client.post("/api/v2.0/projects", json=body)
    assert answer.status_code == 201, answer.text
    return name
