"""Robots with Docker: what a build server does with an account made through the API, and when it must stop."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
import sqlalchemy as sa

from app.access.roles import Role
from app.robots.models import Robot
from tests.e2e.engine import Docker
from tests.e2e.people import inside, person_in
from tests.support.instance import Instance
from tests.support.robots import MadeRobot, change_robot, entry, make_robot

pytestmark = pytest.mark.docker
_STOPS_WITHIN = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildServer:
    """A Docker that a robot has logged in, and the robot."""

    docker: Docker
    robot: MadeRobot


@pytest.fixture
def api(instance: Instance) -> Iterator[httpx.Client]:
    """The administrator at the management API."""
    with instance.client() as client:
        client.base_url = f"{instance.url}/api/v2.0"
        yield client


@pytest.fixture
def build_server(engine_without_login: Docker, instance: Instance, project: str, api: httpx.Client) -> BuildServer:
    """A project's robot that may push, logged in."""
    robot = make_robot(api, "ci", entry(project, "repository:pull", "repository:push"), level="project", duration=30)
    docker = engine_without_login.other_person()
    docker.login(instance.host, *robot.credentials)
    return BuildServer(docker=docker, robot=robot)


def test_a_robot_pushes_only_where_it_may(
    build_server: BuildServer, instance: Instance, project: str, new_project: Callable[..., str], image: str
) -> None:
    docker = build_server.docker
    allowed, other, public = (
        f"{instance.host}/{name}/app:1" for name in (project, new_project(), new_project(public=True))
    )
    for name in (allowed, other, public):
        docker("tag", image, name)

    docker("push", allowed)
    docker("image", "rm", allowed)
    docker("pull", allowed)

    for name in (other, public):
        refused = docker.run("push", name)
        assert refused.returncode == 1
        assert "denied: unauthorized to access repository" in refused.stderr
    assert docker.run("pull", other).returncode == 1


def test_a_disabled_robot_stops(
    build_server: BuildServer, instance: Instance, api: httpx.Client, project: str, image: str
) -> None:
    token = _token(instance, build_server.robot, project)
    assert _pings(instance, token)
    assert change_robot(api, build_server.robot, disable=True).status_code == 200
    _stops(build_server, instance, token, project, image)


def test_a_robot_stops_at_its_end(build_server: BuildServer, instance: Instance, project: str, image: str) -> None:
    token = _token(instance, build_server.robot, project)
    assert _pings(instance, token)
    with inside(instance) as ctx, ctx.write() as session:
        over = sa.update(Robot).where(Robot.id == build_server.robot.id).values(expires_at=int(time.time()))
        session.execute(over)
    _stops(build_server, instance, token, project, image)


def test_a_rotated_secret_with_a_grace_period_cuts_no_build_off(
    build_server: BuildServer, instance: Instance, api: httpx.Client, project: str, image: str
) -> None:
    robot, name = build_server.robot, f"{instance.host}/{project}/app:1"
    rotated = api.patch(f"/robots/{robot.id}", json={"grace_period": 600}).json()["secret"]
    time.sleep(_STOPS_WITHIN)
    build_server.docker("tag", image, name)
    build_server.docker("push", name)
    another = build_server.docker.other_person()
    another.login(instance.host, robot.name, rotated)
    another("pull", name)


def test_guests_do_not_push_and_limited_guests_see_no_logs(
    docker: Docker, instance: Instance, project: str, image: str
) -> None:
    name = f"{instance.host}/{project}/app:1"
    docker("tag", image, name)
    guest, limited, master = (
        person_in(instance, project, role) for role in (Role.GUEST, Role.LIMITED_GUEST, Role.PROJECT_ADMIN)
    )
    for person in (guest, limited):
        shell = docker.other_person()
        shell.login(instance.host, person.username, person.password)
        assert "denied: unauthorized to access repository" in shell.run("push", name).stderr
    for person, status in ((limited, 403), (guest, 403), (master, 200)):
        with instance.client(person.username, person.password) as client:
            assert client.get(f"/api/v2.0/projects/{project}/logs").status_code == status


def test_nobody_pulls_but_from_a_public_project(
    build_server: BuildServer, instance: Instance, api: httpx.Client, project: str, image: str
) -> None:
    name = f"{instance.host}/{project}/app:1"
    build_server.docker("tag", image, name)
    build_server.docker("push", name)
    build_server.docker("image", "rm", name)
    nobody = build_server.docker.other_person()
    assert nobody.run("pull", name).returncode == 1
    assert api.put(f"/projects/{project}", json={"metadata": {"public": "true"}}).status_code == 200
    nobody("pull", name)


def _stops(build_server: BuildServer, instance: Instance, token: str, project: str, image: str) -> None:
    """Tokens out end within five seconds, and Docker gets no further."""
    began = time.monotonic()
    while _pings(instance, token):
        assert time.monotonic() - began < _STOPS_WITHIN + 1
        time.sleep(0.1)
    docker, name = build_server.docker, f"{instance.host}/{project}/late:1"
    docker("tag", image, name)
    assert docker.run("push", name).returncode == 1
    username, secret = build_server.robot.credentials
    refused = docker.run("login", instance.host, "--username", username, "--password-stdin", stdin=secret)
    assert refused.returncode == 1, refused.stdout
    assert "unauthorized" in refused.stderr.lower() or "too many failed logins" in refused.stderr, refused.stderr


def _token(instance: Instance, robot: MadeRobot, project: str) -> str:
    query = {"service": "harbor-registry", "scope": f"repository:{project}/app:pull,push"}
    with instance.client(*robot.credentials) as client:
        return str(client.get("/service/token", params=query).json()["token"])


def _pings(instance: Instance, token: str) -> bool:
    return httpx.get(f"{instance.url}/v2/", headers={"Authorization": f"Bearer {token}"}).status_code == 200
