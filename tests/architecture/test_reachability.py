"""What keeps content is said in one module; no other joins the tables of references, holdings, charges and queue."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

APP = Path(__file__).parents[2] / "app"
TABLES = {
    "ArtifactBlob": "artifact_blob",
    "RepositoryBlob": "repository_blob",
    "ProjectBlob": "project_blob",
    "ZeroReference": "zero_reference",
}
DEFINED = {"artifacts/models.py", "storage/models.py"}
OWNER = "artifacts/reachability.py"
WRITER = "artifacts/holdings.py"
"""Inserts and deletes rows of these tables, under the conditions of the owner."""
ASKED_BY_EXISTS = {
    "Tag": {OWNER, "artifacts/untagged.py"},
    "ArtifactChild": {OWNER},
    "Accessory": {OWNER, "artifacts/standing.py"},
}
"""Also: tags without an artifact, and whether an accessory's subject is there."""
JOINING = {"exists", "join", "outerjoin", "not_in", "except_", "correlate"}


def faults(path: str, source: str) -> Iterator[str]:
    """What a module says that only another may, in words."""
    tree = ast.parse(source)
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    words = {word for node in ast.walk(tree) if isinstance(node, ast.Constant) for word in str(node.value).split()}
    if path not in DEFINED | {OWNER, WRITER}:
        yield from (f"{path} names {table}" for table in sorted(names & TABLES.keys()))
        yield from (f"{path} spells {table}" for table in sorted(words & set(TABLES.values())))
    if path == WRITER:
        called = {node.func.attr for node in _calls(tree) if isinstance(node.func, ast.Attribute)}
        yield from (f"{path} calls {name}" for name in sorted(called & JOINING))
    for asked in _asked_by_exists(tree):
        yield from (
            f"{path} asks whether there is {name}"
            for name, allowed in ASKED_BY_EXISTS.items()
            if name in asked and path not in allowed
        )


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _asked_by_exists(tree: ast.AST) -> Iterator[set[str]]:
    """The names in each ``exists(…)`` and ``exists().where(…)``."""
    for call in _calls(tree):
        if "exists" in ast.unparse(call.func).split("(")[0].split("."):
            yield {node.id for node in ast.walk(call) if isinstance(node, ast.Name)}


def test_no_other_module_says_what_keeps_content() -> None:
    files = {str(file.relative_to(APP)): file.read_text(encoding="utf-8") for file in sorted(APP.rglob("*.py"))}
    assert [fault for path, source in files.items() for fault in faults(path, source)] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("garbage/sweep.py", "import sqlalchemy as sa\nsa.select(ArtifactBlob.blob_id)"),
        ("artifacts/deletion.py", "sa.delete(RepositoryBlob)"),
        ("retention/rules.py", "models.ProjectBlob\nx = ProjectBlob"),
        ("system/service.py", "text('SELECT count(*) FROM zero_reference')"),
        (WRITER, "sa.select(Blob).join(Blob)"),
        ("retention/rules.py", "sa.exists().where(Tag.artifact_id == Artifact.id)"),
        ("artifacts/listing.py", "~sa.exists(sa.select(ArtifactChild.id))"),
    ],
)
def test_a_planted_condition_is_noticed(path: str, source: str) -> None:
    assert list(faults(path, source)) != []
