"""The import contracts hold, and each of them is seen to fail on a planted violation."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("app", "activities", "workflows")

VIOLATIONS = {
    "1 processes": ("activities/planted_1.py", "import workflows.garbage"),
    "2 app: down only": ("app/core/planted_2.py", "import app.settings"),
    "2b a feature's files": ("app/projects/models.py", "import app.projects.service"),
    "3 workflows name contracts": ("workflows/planted_3.py", "import app.core.errors"),
    "3b workflows load no library": ("workflows/planted_3b.py", "import sqlalchemy"),
    "3c nothing imports the worker's main": ("activities/planted_3c.py", "import workflows.worker"),
    "4 contracts are plain": ("app/garbage/contracts.py", "import app.core.errors"),
    "5 background never sees the edge": ("activities/planted_5.py", "import app.web.api"),
    "6 only the edge knows Flask": ("app/core/planted_6.py", "import flask"),
    "7 three places know Temporal": ("app/core/planted_7.py", "import temporalio"),
    "7b only the worker's main takes the bridge": ("app/cli/planted_7b.py", "import app.jobs.temporal"),
    "8 the API writes no SQL": ("app/projects/api.py", "import sqlalchemy"),
    "9a one door: minio": ("app/core/planted_9a.py", "import minio"),
    "9b one door: swiftclient": ("app/core/planted_9b.py", "import swiftclient"),
    "9c one door: ldap": ("app/core/planted_9c.py", "import ldap"),
    "9d one door: outgoing HTTP": ("app/core/planted_9d.py", "import httpx"),
    "10 package files stay empty": ("app/projects/__init__.py", "import app.projects.models"),
    "11 the tables of content": ("app/garbage/planted_11.py", "import app.artifacts.models"),
}


def _lint(folder: Path) -> str:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo", "--config", "setup.cfg"]
    environment = os.environ | {"COLUMNS": "250"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False).stdout


def _copy(folder: Path) -> Path:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", folder)
    return folder


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a copy of the tree with every violation planted at once."""
    folder = _copy(tmp_path_factory.mktemp("planted"))
    for path, statement in VIOLATIONS.values():
        file = folder / path
        before = file.read_text() if file.exists() else ""
        file.write_text(f"{before}\n{statement}\n")
    return _lint(folder)


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_planted_violation_breaks_the_contract(verdicts: str, name: str) -> None:
    assert re.search(rf"^{re.escape(name)}.*BROKEN", verdicts, re.MULTILINE), verdicts


def test_every_contract_has_a_planted_violation() -> None:
    names = re.findall(r"^name = (.+)$", (ROOT / "setup.cfg").read_text(), re.MULTILINE)
    contracts = [name for name in names if name != "pyharbor"]
    uncovered = [name for name in contracts if not any(name.startswith(key) for key in VIOLATIONS)]
    assert uncovered == []


def test_a_package_without_a_place_is_refused(tmp_path: Path) -> None:
    folder = _copy(tmp_path)
    (folder / "app" / "planted").mkdir()
    (folder / "app" / "planted" / "__init__.py").touch()
    assert "planted" in _lint(folder)


def test_package_files_are_empty() -> None:
    full = [file for package in PACKAGES for file in (ROOT / package).rglob("__init__.py") if file.stat().st_size]
    assert full == []
