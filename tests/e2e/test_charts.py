"""Charts that helm pushes show their files and dependencies, of both versions of charts."""

from pathlib import Path

import pytest

from tests.e2e.shells import Shell
from tests.support.instance import PASSWORD, Instance

VALUES = "replicas: 2\n"
README = "# Web\n\nA chart.\n"
DEPENDENCY = """dependencies:
- name: db
  version: 0.1.0
  repository: file://../db
  condition: db.enabled
"""
BEGINNING = "name: web\nversion: 1.2.3\ndescription: A web\n"


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_pushed_chart_shows_what_is_in_it(instance: Instance, project: str, tmp_path: Path, version: str) -> None:
    helm = Shell(name="helm", home=tmp_path, flags=("--registry-config", str(tmp_path / "helm.json")))
    plain, charts = "--plain-http", f"oci://{instance.host}/{project}/charts"
    helm("registry", "login", plain, instance.host, "--username", "admin", "--password-stdin", stdin=PASSWORD)
    helm("create", "db")
    write_chart(tmp_path / "web", version)
    helm("package", "web", "--dependency-update")
    helm("push", plain, "web-1.2.3.tgz", charts)
    name = f"{charts}/web"

    with instance.client() as client:
        client.auth = ("admin", PASSWORD)
        place = f"/api/v2.0/projects/{project}/repositories/charts%252Fweb/artifacts/1.2.3"
        shown = client.get(place).json()
        assert shown["type"] == "CHART"
        assert shown["extra_attrs"]["description"] == "A web"
        found = {key: client.get(link["href"]) for key, link in shown["addition_links"].items()}
    assert found.keys() == {"values.yaml", "readme.md", "dependencies"}
    assert found["values.yaml"].text == VALUES
    assert found["values.yaml"].text.strip() == helm("show", "values", plain, name, "--version", "1.2.3").strip()
    assert found["readme.md"].text == README
    assert found["readme.md"].text.strip() == helm("show", "readme", plain, name, "--version", "1.2.3").strip()
    (dependency,) = found["dependencies"].json()
    assert dependency == {"name": "db", "version": "0.1.0", "repository": "file://../db", "condition": "db.enabled"}


def write_chart(folder: Path, version: str) -> None:
    """Write a chart that depends on another, which charts of the first version say in a file of their own."""
    folder.mkdir()
    inside = DEPENDENCY if version == "v2" else ""
    (folder / "Chart.yaml").write_text(f"apiVersion: {version}\n{BEGINNING}{inside}", encoding="utf-8")
    if not inside:
        (folder / "requirements.yaml").write_text(DEPENDENCY, encoding="utf-8")
    (folder / "values.yaml").write_text(VALUES, encoding="utf-8")
    (folder / "README.md").write_text(README, encoding="utf-8")
