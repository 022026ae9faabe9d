"""Files stay small enough to be read at once; exceptions stand with their reason in a folder's README."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
LIMIT = 300
FOLDERS = ("app", "activities", "workflows", "migrations", "deploy", "tests")


def test_a_longer_file_has_a_reason_in_its_top_level_readme() -> None:
    unexplained = []
    for folder in FOLDERS:
        readme = ROOT / folder / "README.md"
        reasons = readme.read_text(encoding="utf-8") if readme.exists() else ""
        for file in (ROOT / folder).rglob("*.py"):
            lines = len(file.read_text(encoding="utf-8").splitlines())
            if lines > LIMIT and file.name not in reasons:
                unexplained.append(f"{lines} {file.relative_to(ROOT)}")
    assert unexplained == []


def test_every_top_level_folder_says_what_lives_there() -> None:
    silent = [name for name in (*FOLDERS, "frontend") if not (ROOT / name / "README.md").exists()]
    assert silent == []
