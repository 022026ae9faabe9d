"""Other people's clients: skopeo, crane, oras, helm and buildah push and pull with equal digests."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.e2e.images import Layout
from tests.e2e.shells import Buildah, Shell, crane_of, new_folder, skopeo_of
from tests.support.instance import PASSWORD, Instance


@pytest.fixture
def repository(instance: Instance, project: str) -> str:
    """A repository's full name, without a tag."""
    return f"{instance.host}/{project}/group/app"


def test_skopeo(instance: Instance, repository: str, layout: Layout, tmp_path: Path) -> None:
    skopeo = skopeo_of(instance, tmp_path)
    plain = "--tls-verify=false"
    image, copy = f"docker://{repository}:1", f"docker://{repository}/copy:2"

    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout.folder}:latest", image)
    skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", image, copy)
    skopeo("copy", "--src-tls-verify=false", "--preserve-digests", copy, f"dir:{tmp_path / 'pulled'}")

    inspected = json.loads(skopeo("inspect", plain, image))
    assert inspected["Digest"] == layout.digest
    assert inspected["RepoTags"] == ["1"]
    assert _digest(tmp_path / "pulled" / "manifest.json") == layout.digest
    tags = json.loads(skopeo("list-tags", plain, f"docker://{repository}/copy"))
    assert tags["Tags"] == ["2"]

    skopeo("delete", plain, image)
    assert "manifest unknown" in skopeo.refused("inspect", plain, image)
    assert json.loads(skopeo("inspect", plain, copy))["Digest"] == layout.digest


def test_crane(instance: Instance, repository: str, layout: Layout, tmp_path: Path) -> None:
    crane = crane_of(instance, tmp_path)
    pushed = crane("push", str(layout.folder), f"{repository}:1")
    crane("tag", f"{repository}:1", "second")
    crane("copy", f"{repository}:1", f"{repository}-copy:third")
    crane("pull", "--format=oci", f"{repository}:second", str(tmp_path / "pulled"))

    assert pushed.endswith(layout.digest)
    assert crane("digest", f"{repository}:second") == layout.digest
    assert crane("digest", f"{repository}-copy:third") == layout.digest
    assert sorted(crane("ls", repository).split()) == ["1", "second"]
    index = json.loads((tmp_path / "pulled" / "index.json").read_text())
    assert [manifest["digest"] for manifest in index["manifests"]] == [layout.digest]
    assert crane("validate", "--remote", f"{repository}:1").startswith("PASS")
    assert f"{repository.partition('/')[2]}-copy" in crane("catalog", instance.host).split()

    crane("delete", f"{repository}@{layout.digest}")
    assert "404" in crane.refused("digest", f"{repository}:1")


def test_oras(instance: Instance, repository: str, tmp_path: Path) -> None:
    oras = Shell(name="oras", home=tmp_path, flags=("--registry-config", str(tmp_path / "oras.json")))
    plain = "--plain-http"
    oras("login", plain, "--username", "admin", "--password-stdin", instance.host, stdin=PASSWORD)
    for name in ("report.txt", "signature.txt"):
        (tmp_path / name).write_text(f"this is {name}\n", encoding="utf-8")

    oras("push", plain, "--artifact-type=application/vnd.example.report", f"{repository}:1", "report.txt:text/plain")
    subject = json.loads(oras("manifest", "fetch", plain, "--descriptor", f"{repository}:1"))["digest"]
    signature = "--artifact-type=application/vnd.example.signature"
    attached = json.loads(oras("attach", plain, signature, "--format=json", f"{repository}:1", "signature.txt"))
    discovered = json.loads(oras("discover", plain, "--format=json", f"{repository}:1"))
    filtered = oras("discover", plain, "--format=json", "--artifact-type=application/vnd.other", f"{repository}:1")

    assert discovered["digest"] == subject
    assert [referrer["digest"] for referrer in discovered["referrers"]] == [attached["digest"]]
    assert discovered["referrers"][0]["artifactType"] == "application/vnd.example.signature"
    assert not json.loads(filtered)["referrers"]
    with instance.client() as client:
        name = repository.partition("/")[2]
        answer = client.get(f"/v2/{name}/referrers/{subject}")
        assert [manifest["digest"] for manifest in answer.json()["manifests"]] == [attached["digest"]]

    oras("pull", plain, "--output", str(tmp_path / "report"), f"{repository}:1")
    oras("pull", plain, "--output", str(tmp_path / "signature"), f"{repository}@{attached['digest']}")
    assert (tmp_path / "report" / "report.txt").read_text() == "this is report.txt\n"
    assert (tmp_path / "signature" / "signature.txt").read_text() == "this is signature.txt\n"


def test_helm(instance: Instance, project: str, tmp_path: Path) -> None:
    helm = Shell(name="helm", home=tmp_path, flags=("--registry-config", str(tmp_path / "helm.json")))
    plain = "--plain-http"
    charts = f"oci://{instance.host}/{project}/charts"
    helm("registry", "login", plain, instance.host, "--username", "admin", "--password-stdin", stdin=PASSWORD)

    helm("create", "web")
    helm("package", "web", "--version", "1.2.3+build.7")
    pushed = helm.run("push", plain, "web-1.2.3+build.7.tgz", charts)
    helm("pull", plain, f"{charts}/web", "--version", "1.2.3+build.7", "--destination", new_folder(tmp_path, "pulled"))
    shown = helm("show", "chart", plain, f"{charts}/web", "--version", "1.2.3+build.7")

    assert "Digest: sha256:" in pushed.stdout + pushed.stderr
    archive = "web-1.2.3+build.7.tgz"
    assert _digest(tmp_path / "pulled" / archive) == _digest(tmp_path / archive)
    assert "name: web" in shown
    with instance.client() as client:
        assert client.get(f"/v2/{project}/charts/web/tags/list").json()["tags"] == ["1.2.3_build.7"]


def test_buildah(instance: Instance, repository: str, layout: Layout, tmp_path: Path) -> None:
    buildah = Buildah(instance, tmp_path)
    buildah("pull", f"oci:{layout.folder}:latest")
    container = buildah("from", "--isolation=chroot", f"oci:{layout.folder}:latest")
    (tmp_path / "hello").write_text("hello\n", encoding="utf-8")
    buildah("copy", container, str(tmp_path / "hello"), "/hello")
    before = buildah("commit", "--format=oci", container, f"{repository}:1").splitlines()[-1]

    digest_file = tmp_path / "digest"
    buildah("push", "--tls-verify=false", f"--digestfile={digest_file}", f"{repository}:1", f"docker://{repository}:1")
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")
    pulled = buildah("pull", "--tls-verify=false", f"docker://{repository}:1").splitlines()[-1]

    assert pulled == before
    with instance.client() as client:
        answer = client.head(f"/v2/{repository.partition('/')[2]}/manifests/1")
        assert answer.headers["docker-content-digest"] == digest_file.read_text().strip()


def _digest(path: Path) -> str:
    return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
