"""Search names within the projects that a caller sees: the rights are part of the statements, whose work is bounded."""

from collections.abc import Sequence
from itertools import product
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.elements import ColumnElement

from app.access.principals import Principal, PrincipalKind
from app.context import Context
from app.db import name_search
from app.db.name_search import SQLITE, Names
from app.projects.listing import views_of
from app.projects.models import Project
from app.projects.permitted import everywhere, permitted_projects
from app.projects.results import ProjectView
from app.projects.visibility import seen_by, seen_projects, sees_all

MOST_SEEN: Final = 20_000
"""The most rows of visible projects that are compared one by one, when most matches are invisible."""
_DIALECTS: Final = (SQLITE, "postgresql")
_ALL, _OWN, _PUBLIC = "all", "own", "public"
_Key = tuple[str, str, bool]
_Select = sa.Select[*tuple[Any, ...]]


class VisibleNames:
    """The names of one table that belong to projects, searched within those that a caller sees.

    A first statement looks at the first matches of all projects, best ones first, and keeps the visible ones. When
    there are more matches than it looks at, and too few of those are visible, a second one goes through the names of
    the visible projects.
    """

    def __init__(
        self, names: Names, project_id: InstrumentedAttribute[int], right: tuple[str, str] | None = None
    ) -> None:
        """Search names with a column of their project's id.

        ``right`` is what a robot must hold in a project to find its names, any right by default; every role holds it.
        """
        self._names = names
        self._project_id = project_id
        self._right = right
        user = sa.bindparam("user", type_=sa.BigInteger)
        scopes = {_ALL: sa.true(), _OWN: seen_by(user), _PUBLIC: Project.public.is_(sa.true())}
        self._first: dict[_Key, _Select] = {
            (scope, dialect, indexed): self._among_matches(seen, dialect, indexed=indexed)
            for (scope, seen), dialect, indexed in product(scopes.items(), _DIALECTS, (True, False))
        }
        self._second = {
            (scope, dialect): self._among_seen(seen, dialect)
            for (scope, seen), dialect in product(scopes.items(), _DIALECTS)
        }

    def find(self, ctx: Context, text: str, limit: int) -> list[sa.Row[Any]]:
        """Return at most ``limit`` visible rows whose name holds the text: equal, then beginning with it, then others.

        Rows have ``id``, ``name``, ``rank``, ``project_name``, ``project_public`` and the shown columns of the names.
        """
        wanted = name_search.searchable(text)
        if wanted is None:
            return []
        whole = self._finds_all(ctx.principal)
        matched = self._run_first(ctx, wanted, limit, limit if whole else name_search.MOST_EXAMINED)
        rows = [row for row in matched if row.id is not None]
        if whole or len(rows) >= limit or matched[0].examined < name_search.MOST_EXAMINED:
            return rows
        by_id = {row.id: row for row in (*self._run_second(ctx, wanted, limit), *rows)}
        return sorted(by_id.values(), key=lambda row: (row.rank, row.name))[:limit]

    def _run_first(self, ctx: Context, text: str, limit: int, most: int) -> Sequence[sa.Row[Any]]:
        dialect, indexed, scope = (
            ctx.ports.db.dialect,
            name_search.has_trigrams(text),
            self._scope_or_none(ctx.principal),
        )
        values = {**name_search.parameters(text, dialect, indexed=indexed), "limit": limit, "most": most}
        if scope is None:
            statement = self._among_matches(self._found_by(ctx.principal), dialect, indexed=indexed)
            return ctx.rows(statement, values)
        return ctx.rows(self._first[scope, dialect, indexed], values | _user(ctx.principal, scope))

    def _run_second(self, ctx: Context, text: str, limit: int) -> Sequence[sa.Row[Any]]:
        dialect, scope = ctx.ports.db.dialect, self._scope_or_none(ctx.principal)
        values = {**name_search.parameters(text, dialect, indexed=False), "limit": limit}
        if scope is None:
            return ctx.rows(self._among_seen(self._found_by(ctx.principal), dialect), values)
        return ctx.rows(self._second[scope, dialect], values | _user(ctx.principal, scope))

    def _scope_or_none(self, principal: Principal) -> str | None:
        """Return the scope for which there are prepared statements, None for a robot that finds some names."""
        if self._finds_all(principal):
            return _ALL
        if principal.kind is PrincipalKind.ROBOT:
            return None
        return _OWN if principal.kind is PrincipalKind.USER else _PUBLIC

    def _finds_all(self, principal: Principal) -> bool:
        return everywhere(principal, *self._right) if self._right else sees_all(principal)

    def _found_by(self, robot: Principal) -> ColumnElement[bool]:
        return permitted_projects(robot, *self._right) if self._right else seen_projects(robot)

    def _among_matches(self, seen: ColumnElement[bool], dialect: str, *, indexed: bool) -> _Select:
        matched = name_search.matches(self._names, dialect, indexed=indexed)
        project = matched.c.id if self._project_id is Project.id else matched.c[self._project_id.key]
        visible = (
            sa.select(*matched.c, *_PROJECT_COLUMNS)
            .join_from(matched, Project, Project.id == project)
            .where(seen)
            .order_by(matched.c.rank, matched.c.name)
            .limit(_LIMIT)
            .subquery("visible")
        )
        examined = sa.select(sa.func.count().label("examined")).select_from(matched).subquery("looked_at")
        return (
            sa.select(examined.c.examined, *visible.c)
            .select_from(examined.outerjoin(visible, sa.true()))
            .order_by(visible.c.rank, visible.c.name)
        )

    def _among_seen(self, seen: ColumnElement[bool], dialect: str) -> _Select:
        names = self._names
        own = self._project_id is Project.id
        columns = names.id, names.names[0].label("name"), *names.shown
        rows = sa.select(*columns, *_PROJECT_COLUMNS, name_search.rank_of(names).label("rank"))
        if not own:
            rows = rows.join_from(Project, names.id.class_, self._project_id == Project.id)
        rows = rows.where(seen, names.rows)
        compared = rows.add_columns(name_search.holds(names.names[0], dialect).label("held")).limit(
            sa.literal(MOST_SEEN, sa.Integer)
        )
        seen_rows = compared.subquery("seen")
        shown = [column for column in seen_rows.c if column.key != "held"]
        return sa.select(*shown).where(seen_rows.c.held).order_by(seen_rows.c.rank, seen_rows.c.name).limit(_LIMIT)


def find_named(ctx: Context, text: str, limit: int) -> list[ProjectView]:
    """Return at most ``limit`` projects that the caller sees and whose name holds the text, best matches first."""
    return views_of(ctx, [row.id for row in _PROJECTS.find(ctx, text, limit)])


def _user(principal: Principal, scope: str) -> dict[str, object]:
    return {"user": principal.id} if scope == _OWN else {}


_LIMIT: Final = sa.bindparam("limit", type_=sa.Integer)
_PROJECT_COLUMNS: Final = Project.name.label("project_name"), Project.public.label("project_public")
_PROJECTS: Final = VisibleNames(Names(id=Project.id, names=(Project.name,), index="search_project"), Project.id)
