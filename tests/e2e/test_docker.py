"""A person with Docker: log in, push, remove, pull; who may and who may not."""

import json
from collections.abc import Callable

import httpx
import pytest

from app.access.roles import Role
from tests.e2e.engine import Docker
from tests.e2e.people import person_in
from tests.support.instance import PASSWORD, Instance

pytestmark = pytest.mark.docker


def test_login_with_the_right_password(engine_without_login: Docker, instance: Instance) -> None:
    person = engine_without_login.other_person()
    printed = person("login", instance.host, "--username", "admin", "--password-stdin", stdin=PASSWORD)
    assert "Login Succeeded" in printed
    kept = json.loads((person.config / "config.json").read_text())["auths"][instance.host]
    assert "identitytoken" not in kept
    with httpx.Client(base_url=instance.url, headers={"Authorization": f"Basic {kept['auth']}"}) as client:
        assert client.get("/api/v2.0/users/current").json()["username"] == "admin"


@pytest.mark.parametrize(("username", "password"), [("admin", "Wrong12345"), ("nobody", PASSWORD)])
def test_login_with_wrong_credentials(
    engine_without_login: Docker, instance: Instance, username: str, password: str
) -> None:
    person = engine_without_login.other_person()
    refused = person.run("login", instance.host, "--username", username, "--password-stdin", stdin=password)
    assert refused.returncode == 1
    assert "401 Unauthorized" in refused.stderr or "unauthorized" in refused.stderr


def test_an_image_comes_back_as_it_was_pushed(docker: Docker, instance: Instance, project: str, image: str) -> None:
    name = f"{instance.host}/{project}/debian:12"
    before = docker.image_id(image)
    docker("tag", image, name)

    pushed = docker("push", name)
    docker.forget_everything()
    pulled = docker("pull", name)

    assert docker.image_id(name) == before
    digest = next(line.split()[2] for line in pushed.splitlines() if "digest: sha256:" in line)
    assert f"Digest: {digest}" in pulled
    assert pulled.count("Pull complete") == 4
    assert docker("run", "--rm", "--network=none", name, "bash").startswith("bash\t")


def test_a_pull_by_digest(docker: Docker, instance: Instance, project: str, image: str) -> None:
    name = f"{instance.host}/{project}/debian"
    before = docker.image_id(image)
    docker("tag", image, f"{name}:one")
    pushed = docker("push", f"{name}:one")
    digest = next(line.split()[2] for line in pushed.splitlines() if "digest: sha256:" in line)
    docker("image", "rm", f"{name}:one")
    docker("pull", f"{name}@{digest}")
    assert docker.image_id(f"{name}@{digest}") == before
    docker("image", "rm", f"{name}@{digest}")


def test_a_developer_pushes_and_a_guest_does_not(docker: Docker, instance: Instance, project: str, image: str) -> None:
    name = f"{instance.host}/{project}/team/app"
    developer, guest = (_logged_in(docker, instance, project, role) for role in (Role.DEVELOPER, Role.GUEST))
    docker("tag", image, f"{name}:1")
    docker("tag", image, f"{name}:2")

    developer("push", f"{name}:1")
    guest("pull", f"{name}:1")
    refused = guest.run("push", f"{name}:2")

    assert refused.returncode == 1
    assert f"denied: unauthorized to access repository: {project}/team/app, action: push" in refused.stderr
    with instance.client() as client:
        assert client.get(f"/v2/{project}/team/app/tags/list").json()["tags"] == ["1"]


def test_a_push_without_login_is_refused(docker: Docker, instance: Instance, project: str, image: str) -> None:
    name = f"{instance.host}/{project}/app:1"
    docker("tag", image, name)
    refused = docker.other_person().run("push", name)
    assert refused.returncode == 1
    assert "requested access to the resource is denied" in refused.stderr


def test_a_push_into_no_project_names_it(docker: Docker, instance: Instance, image: str) -> None:
    name = f"{instance.host}/there-is-no-such-project/app:1"
    docker("tag", image, name)
    refused = docker.run("push", name)
    assert refused.returncode == 1
    assert "there-is-no-such-project" in refused.stderr


def test_anonymous_pulls(docker: Docker, instance: Instance, new_project: Callable[..., str], image: str) -> None:
    public, private = (f"{instance.host}/{new_project(public=public)}/app:1" for public in (True, False))
    for name in (public, private):
        docker("tag", image, name)
        docker("push", name)
        docker("image", "rm", name)
    nobody = docker.other_person()

    nobody("pull", public)
    refused = nobody.run("pull", private)

    assert refused.returncode == 1
    assert "unauthorized" in refused.stderr or "denied" in refused.stderr


def test_layers_are_mounted_from_another_repository(
    docker: Docker, instance: Instance, new_project: Callable[..., str], image: str
) -> None:
    source, target = (f"{new_project()}/app" for _ in range(2))
    docker("tag", image, f"{instance.host}/{source}:1")
    docker("tag", image, f"{instance.host}/{target}:1")
    docker("push", f"{instance.host}/{source}:1")

    printed = docker("push", f"{instance.host}/{target}:1")

    assert printed.count("Mounted from ") == 4
    with instance.client() as client:
        manifests = [_manifest(client, name) for name in (source, target)]
        assert manifests[0] == manifests[1]


def test_a_second_push_of_the_same_sends_nothing(docker: Docker, instance: Instance, project: str, image: str) -> None:
    name = f"{instance.host}/{project}/app"
    docker("tag", image, f"{name}:1")
    docker("tag", image, f"{name}:2")
    docker("push", f"{name}:1")
    assert docker("push", f"{name}:2").count("Layer already exists") == 4


def _logged_in(docker: Docker, instance: Instance, project: str, role: Role) -> Docker:
    person = person_in(instance, project, role)
    shell = docker.other_person()
    shell.login(instance.host, person.username, person.password)
    return shell


def _manifest(client: httpx.Client, repository: str) -> bytes:
    accept = {"Accept": "application/vnd.docker.distribution.manifest.v2+json"}
    answer = client.get(f"/v2/{repository}/manifests/1", headers=accept)
    assert answer.status_code == 200, answer.text
    return answer.content
