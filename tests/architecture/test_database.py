"""The database is reached in one way: through the context, with prepared plans only where they were measured to pay."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRANSACTION = "Session"
CALL = {"Context", "Ports", "Database"}
"""What opens transactions: a function takes one of these or the session of an open transaction, never both."""
DATABASES = {"db", "_db", "database", "_database"}
OPENERS = {"read", "write", "rows", "prepared_rows", "note"}
PREPARED = {"prepared_rows", "full_insert"}
PLANS = "app.db.plans"
BELOW_CONTEXT = ("app/db/", "app/storage/", "app/context.py")
"""The database itself, the rows of blobs and upload sessions, which know no context, and the context."""
BEFORE_PORTS = {"app/identity/fingerprints.py", "app/identity/key_folder.py"}
"""The installation's keys are part of the ports, so they are read before there is a context."""
UNDER_V2 = {
    *(
        f"app/artifacts/{name}.py"
        for name in (
            "accessories",
            "blob_content",
            "blobs",
            "catalog",
            "holdings",
            "manifests",
            "pulls",
            "pushes",
            "quarantine",
            "references",
            "repositories",
            "room",
            "session_rows",
            "standing",
            "tag_history",
            "tags",
        )
    ),
    "app/audit/effects.py",
    "app/projects/quotas.py",
}
PRINCIPALS = {"app/identity/sources/database.py", "app/robots/credentials.py"}
"""Ask for the caller of each request that has a token or credentials, under ``/v2`` and at the token service."""
MEASURED = {
    "app/artifacts/accessory_rows.py",
    "app/artifacts/artifact_pages.py",
    "app/artifacts/label_rows.py",
    "app/artifacts/listing.py",
    "app/artifacts/service.py",
    "app/identity/sessions.py",
    "app/projects/listing.py",
    "app/projects/members.py",
    "app/projects/rights.py",
}
"""The management API's: lists, and what most of its requests ask (app/README.md says what they would cost)."""


def faults(path: str, source: str) -> Iterator[str]:
    """What a module does beside the one way, in words."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            kinds = _kinds(node.args)
            if TRANSACTION in kinds and kinds & CALL:
                yield f"{path}: {node.name} takes a session and a {', '.join(sorted(kinds & CALL))}"
    if path.startswith(BELOW_CONTEXT):
        return
    if path not in UNDER_V2 | PRINCIPALS | MEASURED:
        yield from (f"{path} uses plans: {name}" for name in sorted(_prepared(tree)))
    if path not in BEFORE_PORTS:
        yield from (f"{path} passes by the context: {ast.unparse(call.func)}" for call in _openers(tree))


def _kinds(parameters: ast.arguments) -> set[str]:
    """The words in the types of the parameters."""
    typed = [one.annotation for one in (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs)]
    return {word for kind in typed if kind is not None for word in re.findall(r"\w+", ast.unparse(kind))}


def _prepared(tree: ast.AST) -> set[str]:
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == PLANS}
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    used |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return {*map(str, imported), *(used & PREPARED)}


def _openers(tree: ast.AST) -> Iterator[ast.Call]:
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    for call in calls:
        owner, _, name = ast.unparse(call.func).rpartition(".")
        if name in OPENERS and owner.rpartition(".")[2] in DATABASES:
            yield call


def _modules() -> dict[str, str]:
    files = [file for folder in ("app", "activities", "workflows") for file in (ROOT / folder).rglob("*.py")]
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in sorted(files)}


def test_the_database_is_reached_in_one_way() -> None:
    assert [fault for path, source in _modules().items() for fault in faults(path, source)] == []


def test_every_module_that_may_use_plans_does() -> None:
    modules = _modules()
    assert {path for path in UNDER_V2 | PRINCIPALS | MEASURED if not _prepared(ast.parse(modules[path]))} == set()


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app/projects/members.py", "def add(ctx: Context, session: Session) -> None: ..."),
        ("app/artifacts/tags.py", "def add(session: Session, *, ports: Ports) -> None: ..."),
        ("app/storage/sessions.py", "def add(session: Session, other: 'Database | None') -> None: ..."),
        ("app/projects/metadata.py", "from app.db.plans import run"),
        ("app/identity/listing.py", "def page(ctx: Context) -> None:\n    ctx.prepared_rows(_PAGE, {})"),
        ("app/robots/rows.py", "read = self._ctx.prepared_rows"),
        ("app/robots/rows.py", "full_insert(Robot, 'name')"),
        ("app/jobs/rows.py", "with ports.db.write() as session: pass"),
        ("app/jobs/rows.py", "with self._db.read() as session: pass"),
        ("app/artifacts/tags.py", "self._ctx.ports.db.rows(_NAMES)"),
        ("activities/garbage.py", "database.rows(_NAMES)"),
    ],
)
def test_a_planted_detour_is_noticed(path: str, source: str) -> None:
    assert list(faults(path, source)) != []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("app/projects/members.py", "def add(session: Session, now: datetime) -> None: ..."),
        ("app/projects/members.py", "with ctx.write() as session:\n    ctx.rows(_ONE, {})"),
        ("app/storage/sessions.py", "db.note(_LEASE, {})"),
        ("app/identity/key_folder.py", "with self._db.write() as session: pass"),
    ],
)
def test_the_one_way_is_no_fault(path: str, source: str) -> None:
    assert list(faults(path, source)) == []
