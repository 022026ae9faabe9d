"""The Debian image goes through the registry with each client, and Docker finds it unchanged."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import IMAGE
from tests.e2e.engine import Docker
from tests.e2e.shells import Buildah, crane_of, skopeo_of
from tests.support.instance import Instance

pytestmark = pytest.mark.docker


def test_skopeo_pushes_it_and_docker_pulls_it(
    docker: Docker, instance: Instance, project: str, image: str, image_archive: Path, tmp_path: Path
) -> None:
    name = f"{instance.host}/{project}/debian:1"
    before = docker.image_id(image)
    skopeo = skopeo_of(instance, tmp_path)
    skopeo("copy", "--dest-tls-verify=false", f"docker-archive:{image_archive}:{IMAGE}", f"docker://{name}")
    docker.forget_everything()
    docker("pull", name)
    assert docker.image_id(name) == before


@pytest.mark.parametrize("client", ["crane", "skopeo", "buildah"])
def test_it_is_pulled_and_pushed_on(
    docker: Docker, instance: Instance, new_project: Callable[[], str], image: str, client: str, tmp_path: Path
) -> None:
    source, target = (f"{instance.host}/{new_project()}/debian:1" for _ in range(2))
    before = docker.image_id(image)
    docker("tag", image, source)
    pushed = docker("push", source)

    _CARRIERS[client](instance, source, target, tmp_path)

    docker.forget_everything()
    pulled = docker("pull", target)
    assert docker.image_id(target) == before
    if client != "buildah":  # which packs the layers anew
        assert _digest(pulled) == _digest(pushed)


def _with_crane(instance: Instance, source: str, target: str, folder: Path) -> None:
    crane = crane_of(instance, folder)
    crane("pull", "--format=oci", source, str(folder / "pulled"))
    crane("push", str(folder / "pulled"), target)


def _with_skopeo(instance: Instance, source: str, target: str, folder: Path) -> None:
    skopeo = skopeo_of(instance, folder)
    skopeo("copy", "--src-tls-verify=false", f"docker://{source}", f"dir:{folder / 'pulled'}")
    skopeo("copy", "--dest-tls-verify=false", f"dir:{folder / 'pulled'}", f"docker://{target}")


def _with_buildah(instance: Instance, source: str, target: str, folder: Path) -> None:
    buildah = Buildah(instance, folder)
    buildah("pull", "--tls-verify=false", f"docker://{source}")
    buildah("push", "--tls-verify=false", source, f"docker://{target}")


_CARRIERS: dict[str, Callable[[Instance, str, str, Path], None]] = {
    "crane": _with_crane,
    "skopeo": _with_skopeo,
    "buildah": _with_buildah,
}


def _digest(printed: str) -> str:
    found = re.search(r"[Dd]igest: (sha256:[0-9a-f]{64})", printed)
    assert found, printed
    return found[1]
