"""Pages of repositories and artifacts are read from covering indexes in their order, on both databases."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.artifacts import artifact_pages, repository_pages
from app.artifacts.models import Artifact, Repository, Standing
from app.context import Context
from app.core.paging import OffsetPage
from app.core.query import Exact, ListQuery, SortKey
from app.db import pages
from app.db.database import Database
from app.projects.models import Project
from app.projects.visibility import seen_by
from tests.support.people import People

_SEEN = seen_by(sa.literal(2, sa.BigInteger))
_ARTIFACT_SCOPES = {
    "repository": artifact_pages.Scope.repository(1, 2_000),
    "project": artifact_pages.Scope.project(1),
    "projects": artifact_pages.Scope.projects(_SEEN),
    "everything": artifact_pages.Scope.everything(),
}
_REPOSITORY_SCOPES = {
    "project": repository_pages.Scope.project(1),
    "seen": repository_pages.Scope.seen(_SEEN),
    "everything": repository_pages.Scope.everything(),
}
_ORDERS = ("name", "creation_time", "pull_count")


@pytest.fixture
def grown(ctx: Context, people: People) -> None:
    """As many repositories and artifacts as a planner needs to look at indexes."""
    with ctx.write() as session:
        projects = session.execute(sa.select(Project.id).order_by(Project.id)).scalars().all()
        now = ctx.ports.clock.now()
        alike = {"creation_time": now, "update_time": now}
        repositories = [
            {"name": f"private/n{number}", "project_id": projects[number % 2], "published": True, **alike}
            for number in range(2_000)
        ]
        session.execute(sa.insert(Repository), repositories)
        session.execute(sa.update(Project).values(repo_count=1_000))
        repository, project = session.execute(sa.select(Repository.id, Repository.project_id).limit(1)).one()
        artifact = {
            "repository_id": repository,
            "project_id": project,
            "kind": "IMAGE",
            "manifest_media_type": "a/b",
            "size": 1,
            "manifest_size": 1,
            "push_time": now,
            "standing": Standing.LISTED,
        }
        session.execute(sa.insert(Artifact), [artifact | {"digest": f"sha256:{number}"} for number in range(2_000)])
    if not ctx.ports.db.sqlite:
        with ctx.ports.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))


@contextmanager
def explained(database: Database, table: str) -> Iterator[list[str]]:
    """Collect the plans of the statements that read ids of the table.

    PostgreSQL is kept from sorting, which is faster for few rows, so that its plans show whether it must.
    """
    plans: list[str] = []
    prefix = "EXPLAIN QUERY PLAN " if database.sqlite else "EXPLAIN "

    def explain(_connection: object, cursor: Any, statement: str, parameters: Any, *_: object) -> None:  # noqa: ANN401 - the driver's
        if re.search(rf"SELECT {table}\.id( AS id, .*)?\s+FROM {table}\s", statement, re.DOTALL):
            for mode in ("off", "on"):
                if not database.sqlite:
                    cursor.execute(f"SET enable_seqscan = {mode}; SET enable_sort = {mode}")
                if mode == "off":
                    cursor.execute(prefix + statement, parameters)
                    plans.append("\n".join(str(row[-1]) for row in cursor.fetchall()))

    engines = {database.engine, database._reader}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", explain)
    try:
        yield plans
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", explain)


def _in_order(plan: str, table: str) -> bool:
    """Whether the plan reads a covering index in the order that is needed."""
    covering = re.search(rf"(SCAN|SEARCH) {table} USING COVERING INDEX|Index Only Scan .*on {table}", plan)
    return covering is not None and "TEMP B-TREE" not in plan and "Sort" not in plan


@pytest.mark.usefixtures("grown")
@pytest.mark.parametrize("scope", _REPOSITORY_SCOPES)
def test_repositories_are_read_in_each_order(ctx: Context, monkeypatch: pytest.MonkeyPatch, scope: str) -> None:
    monkeypatch.setattr(pages, "FEW", 0)
    for order, descending, number in product(_ORDERS, (False, True), (1, 60)):
        query = ListQuery(sort=(SortKey(key=order, descending=descending),), page=OffsetPage(number=number, size=15))
        with explained(ctx.ports.db, "repository") as plans, ctx.read() as session:
            repository_pages.repository_page(session, _REPOSITORY_SCOPES[scope], query)
        (plan,) = plans
        assert _in_order(plan, "repository"), f"{query}\n{plan}"


@pytest.mark.usefixtures("grown")
@pytest.mark.parametrize("scope", _ARTIFACT_SCOPES)
def test_artifacts_are_read_newest_first(ctx: Context, monkeypatch: pytest.MonkeyPatch, scope: str) -> None:
    monkeypatch.setattr(pages, "FEW", 0)
    with_children = ListQuery().with_term("base", Exact(value="*"))
    for terms, number in product((ListQuery(), with_children), (1, 100)):
        query = replace(terms, page=OffsetPage(number=number, size=15))
        with explained(ctx.ports.db, "artifact") as plans, ctx.read() as session:
            artifact_pages.artifact_page(session, _ARTIFACT_SCOPES[scope], query)
        (plan,) = plans
        assert _in_order(plan, "artifact"), f"{query}\n{plan}"


@pytest.mark.usefixtures("grown")
def test_tags_are_where_the_search_for_an_artifact_begins(ctx: Context) -> None:
    query = ListQuery().with_term("tags", Exact(value="v1"))
    with explained(ctx.ports.db, "few") as plans, ctx.read() as session:
        artifact_pages.artifact_page(session, _ARTIFACT_SCOPES["repository"], query)
    (plan,) = [plan for plan in plans if "tag" in plan]
    assert re.search(r"SEARCH tag USING INDEX|Index Scan using \w+ on tag", plan), plan
