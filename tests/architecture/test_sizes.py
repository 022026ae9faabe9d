"""Files stay small enough to be read at once; exceptions stand with their path and reason in a folder's README."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT = 300
FOLDERS = ("app", "activities", "workflows", "migrations", "deploy", "tests")
_EXCEPTION = re.compile(r"^- \*\*[\d-]+ (.+) may pass 300 lines:\*\*", re.MULTILINE)
"""A decision that names in its first sentence the files, by their paths below the README's folder."""


def test_the_longer_files_are_those_with_a_reason_in_their_top_level_readme() -> None:
    assert {path for folder in FOLDERS for path in _longer(ROOT / folder)} == {
        path for folder in FOLDERS for path in _excepted(ROOT / folder)
    }


def test_every_top_level_folder_says_what_lives_there() -> None:
    silent = [name for name in (*FOLDERS, "frontend") if not (ROOT / name / "README.md").exists()]
    assert silent == []


def _longer(folder: Path) -> list[str]:
    return [
        str(file.relative_to(ROOT))
        for file in folder.rglob("*.py")
        if len(file.read_text(encoding="utf-8").splitlines()) > LIMIT
    ]


def _excepted(folder: Path) -> list[str]:
    readme = (folder / "README.md").read_text(encoding="utf-8")
    return [f"{folder.name}/{path}" for files in _EXCEPTION.findall(readme) for path in re.findall(r"`([^`]+)`", files)]
