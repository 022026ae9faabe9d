"""The statements of labels read by index alone, on both databases."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
import sqlalchemy as sa

from app.artifacts.label_rows import ARTIFACTS, REPOSITORIES, label_conditions
from app.artifacts.models import Artifact, Repository, Standing
from app.core.query import AllOf, ListQuery
from app.db.database import Database
from app.labels import rows
from app.labels.models import Label

_QUERY = ListQuery().with_term("labels", AllOf(values=(1, 2)))
_SHOWN = {"ids": [1, 2], "labels": 16, "label_text": 64}
_HELD = {"owner": 1}
_LISTED = (
    sa.select(Artifact.id)
    .where(Artifact.repository_id == 1, Artifact.standing == Standing.LISTED, *label_conditions(_QUERY, ARTIFACTS))
    .order_by(Artifact.push_time.desc(), Artifact.id.desc())
    .limit(15)
)
_OF_PROJECT = (
    sa.select(Repository.id)
    .where(Repository.project_id == 1, *label_conditions(_QUERY, REPOSITORIES))
    .order_by(Repository.name)
    .limit(15)
)
_NAMES = sa.select(Label.id, Label.name).order_by(Label.name).limit(15)
CASES: dict[str, tuple[Any, Mapping[str, object], tuple[str, ...]]] = {
    "labels of artifacts": (ARTIFACTS.shown, _SHOWN, ("artifact_label",)),
    "labels of repositories": (REPOSITORIES.shown, _SHOWN, ("repository_label",)),
    "labels of one artifact": (ARTIFACTS.held, _HELD, ("artifact_label",)),
    "artifacts with labels": (_LISTED, {}, ("artifact_label", "artifact")),
    "repositories with labels": (_OF_PROJECT, {}, ("repository_label",)),
    "marks of a label": (sa.select(ARTIFACTS.owner).where(ARTIFACTS.label == 1), {}, ("artifact_label",)),
    "repositories of a label": (
        sa.select(REPOSITORIES.owner).where(REPOSITORIES.label == 1),
        {},
        ("repository_label",),
    ),
    "one label": (rows._BY_ID, {"label": 1}, ()),
    "labels of a project by name": (_NAMES.where(Label.project_id == 1), {}, ()),
    "global labels by name": (_NAMES.where(Label.project_id.is_(None)), {}, ()),
}
"""Statement, parameters, and the tables that it reads from a covering index."""


SORTED = {"labels of artifacts", "labels of repositories"}
"""What is sorted, being no more than a page shows."""


@pytest.mark.parametrize("case", CASES)
def test_statements_read_by_index(database: Database, case: str) -> None:
    statement, values, covered = CASES[case]
    text = str(statement.params(values).compile(database.engine, compile_kwargs={"literal_binds": True}))
    plan = _plan(database, text.replace(":", "\\:"))
    tables = [f"SCAN {table}" for table in ("artifact", "repository", "label")]
    assert [line for line in plan.splitlines() if line.startswith(tuple(tables))] == [], plan
    assert "Seq Scan" not in plan, plan
    assert ("TEMP B-TREE" in plan or "Sort" in plan) <= (case in SORTED), plan
    for table in covered:
        used = f"SEARCH {table} USING COVERING INDEX" if database.sqlite else f"Index Only Scan using .* on {table}"
        assert re.search(used, plan), plan


def _plan(database: Database, text: str) -> str:
    if database.sqlite:
        with database.read() as session:
            return "\n".join(row.detail for row in session.execute(sa.text(f"EXPLAIN QUERY PLAN {text}")))
    with database.write() as session:
        session.execute(
            sa.text("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
        )
        return "\n".join(row[0] for row in session.execute(sa.text(f"EXPLAIN {text}")))
