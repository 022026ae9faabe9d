"""The list of projects and the view of one: two queries for a page of any length, counters from the rows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.context import Context
from app.core.errors import ProjectUnknown
from app.core.paging import Listed
from app.core.query import AnyOf, Condition, Exact, Fuzzy, ListQuery, Term
from app.db.documents import object_of
from app.db.listing import Columns, conditions, order, pattern
from app.identity import directory
from app.projects.allowlist import AllowlistView
from app.projects.candidates import GROUP, USER
from app.projects.metadata import PUBLIC
from app.projects.models import CVEAllowlist, Project, ProjectMember, ProjectMetadata
from app.projects.views import ProjectView, by_power

_COLUMNS: Columns = {
    "name": Project.name,
    "project_id": Project.id,
    "owner_id": Project.owner_id,
    "public": Project.public,
    "repo_count": Project.repo_count,
    "registry_id": sa.literal(0, sa.BigInteger),
    "creation_time": Project.creation_time,
    "update_time": Project.update_time,
}
_EVERYTHING: Final = "*"
_NOBODY: Final = 0
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    """How many projects there are, and one page of them for ``user``, ``limit`` and ``offset``."""

    count: sa.Select[int]
    page: sa.Select[*tuple[Any, ...]]
    values: Mapping[str, object] = field(default_factory=dict)
    """Further parameters of both."""
    asks_user: bool = False
    """Whether the count, too, is the ``user``'s."""


def visible(ctx: Context, query: ListQuery, *, detailed: bool) -> Listed[ProjectView]:
    """The page of projects that the caller may see and the query wants; without detail no roles and no counter."""
    statements = _often(ctx.principal, query) or _made_for(ctx, query)
    caller, offset = {"user": _user(ctx.principal)}, min(query.page.offset, _LARGEST)
    total = ctx.rows(statements.count, {**statements.values, **(caller if statements.asks_user else {})})[0].total
    ends = {"limit": query.page.limit or _LARGEST, "offset": offset}
    rows = ctx.rows(statements.page, {**statements.values, **caller, **ends}) if offset < total else ()
    return Listed(items=[_view(row, detailed=detailed) for row in rows], total=total, page=query.page)


def view_of(ctx: Context, project_id: int) -> ProjectView:
    """The project as the caller sees it, whatever the rights; ProjectUnknown when it is gone."""
    for row in ctx.rows(_ONE, {"project": project_id, "user": _user(ctx.principal)}):
        return _view(row, detailed=True)
    raise ProjectUnknown(f"project {project_id} not found")


def seen_projects(principal: Principal) -> ColumnElement[bool]:
    """The condition on Project that the caller sees it: public, own, all for an administrator, granted for a robot."""
    if _sees_all(principal):
        return sa.true()
    if principal.kind is PrincipalKind.ROBOT:
        return sa.or_(Project.public, Project.name.in_({space for space, _, _ in principal.grants} - {"/"}))
    if principal.kind is PrincipalKind.USER:
        return _seen_by(sa.literal(principal.id, sa.BigInteger))
    return Project.public.is_(sa.true())


def _sees_all(principal: Principal) -> bool:
    if principal.kind is PrincipalKind.ROBOT:
        spaces = {space for space, _, _ in principal.grants}
        return _EVERYTHING in spaces or ("/", "project", "list") in principal.grants
    return principal.sysadmin


def _user(principal: Principal) -> int:
    return principal.id if principal.kind is PrincipalKind.USER else _NOBODY


def _view(row: sa.Row[Any], *, detailed: bool) -> ProjectView:
    roles = frozenset(Role(role) for role in (row.roles or {}).values()) if detailed else frozenset()
    return ProjectView(
        id=row.id,
        name=row.name,
        owner_id=row.owner_id,
        owner_name=row.owner_name or "",
        creation_time=row.creation_time,
        update_time=row.update_time,
        metadata={PUBLIC: "true" if row.public else "false", **(row.settings or {})},
        repo_count=row.repo_count if detailed else 0,
        roles=by_power(roles),
        cve_allowlist=AllowlistView(
            id=row.list_id or 0,
            project_id=row.id,
            cve_ids=row.list_items or (),
            expires_at=row.list_expires_at,
            creation_time=row.list_creation_time,
            update_time=row.list_update_time,
        ),
    )


def _often(principal: Principal, query: ListQuery) -> _Statements | None:
    """The statements made once for what is asked for often, None for anything else."""
    if query.sort or (principal.kind is PrincipalKind.ROBOT and not _sees_all(principal)):
        return None
    public: bool | None = None
    values: dict[str, object] = {}
    for term in query.terms:
        match term:
            case Term(key="public", condition=Exact(value="True" | "False" as word)) if public is None:
                public = word == "True"
            case Term(key="name", condition=Fuzzy(text=text)) if not values:
                values["pattern"] = pattern(text)
            case _:
                return None
    return replace(_OFTEN[_scope(principal), public, bool(values)], values=values)


def _made_for(ctx: Context, query: ListQuery) -> _Statements:
    return _made(
        seen_projects(ctx.principal),
        *conditions(query, _COLUMNS),
        *_special(ctx, query),
        ordered=order(query.sort, _COLUMNS, (Project.name,), Project.id),
    )


def _scope(principal: Principal) -> str:
    if _sees_all(principal):
        return _ALL
    return _OWN if principal.kind is PrincipalKind.USER else _PUBLIC_ONES


def _special(ctx: Context, query: ListQuery) -> Iterator[ColumnElement[bool]]:
    """Conditions on what is no column of a project."""
    for condition in query.values("owner"):
        yield Project.owner_id.in_(_people(ctx, condition))
    for condition in query.values("names"):
        yield Project.name.in_(_texts(condition))
    for condition in query.values("member"):
        for person in _people(ctx, condition) or [_NOBODY]:
            yield Project.id.in_(_projects_of(sa.literal(person, sa.BigInteger)))


def _people(ctx: Context, condition: Condition) -> list[int]:
    with ctx.read() as session:
        ids = [directory.id_of(session, name) for name in _texts(condition)]
    return [person for person in ids if person is not None]


def _texts(condition: Condition) -> list[str]:
    match condition:
        case Exact(value=value):
            return [str(value)]
        case AnyOf(values=values):
            return [str(value) for value in values]
        case _:
            return []


def _seen_by(user: ColumnElement[int]) -> ColumnElement[bool]:
    return sa.or_(Project.public, Project.id.in_(_projects_of(user)))


def _projects_of(user: ColumnElement[int]) -> sa.CompoundSelect[int]:
    """The ids of projects that the user belongs to, in person and through groups."""
    own = ProjectMember.entity_type == USER, ProjectMember.entity_id == user
    through = ProjectMember.entity_type == GROUP, ProjectMember.entity_id.in_(directory.groups_of(user))
    return sa.union_all(*(sa.select(ProjectMember.project_id).where(*of) for of in (own, through)))


def _rows(*joined: sa.FromClause) -> sa.Select[*tuple[Any, ...]]:
    """All that is shown of projects, with the roles of ``user``; only of those in what is ``joined``."""
    user = sa.bindparam("user", type_=sa.BigInteger)
    member = ProjectMember
    held = sa.or_(
        sa.and_(member.entity_type == USER, member.entity_id == user),
        sa.and_(member.entity_type == GROUP, member.entity_id.in_(directory.groups_of(user))),
    )
    roles = sa.select(object_of(sa.cast(member.role, sa.String), member.role)).where(
        member.project_id == Project.id, held
    )
    settings = sa.select(object_of(ProjectMetadata.name, ProjectMetadata.value)).where(
        ProjectMetadata.project_id == Project.id
    )
    owner = directory.USER_NAMES
    statement = sa.select(
        Project.id,
        Project.name,
        Project.owner_id,
        owner.c.name.label("owner_name"),
        Project.public,
        Project.repo_count,
        Project.creation_time,
        Project.update_time,
        settings.scalar_subquery().label("settings"),
        roles.scalar_subquery().label("roles"),
        CVEAllowlist.id.label("list_id"),
        CVEAllowlist.items.label("list_items"),
        CVEAllowlist.expires_at.label("list_expires_at"),
        CVEAllowlist.creation_time.label("list_creation_time"),
        CVEAllowlist.update_time.label("list_update_time"),
    ).select_from(Project)
    for each in joined:
        statement = statement.join(each, each.c.id == Project.id)
    return statement.outerjoin(owner, owner.c.id == Project.owner_id).outerjoin(
        CVEAllowlist, CVEAllowlist.project_id == Project.id
    )


def _made(
    *wanted: ColumnElement[bool],
    ordered: Sequence[sa.SQLColumnExpression[Any]] = (Project.name,),
    asks_user: bool = False,
) -> _Statements:
    """The statements for projects that meet all conditions; the page is cut before anything is joined to it."""
    limit, offset = (sa.bindparam(name, type_=sa.BigInteger) for name in ("limit", "offset"))
    page = sa.select(Project.id).where(*wanted).order_by(*ordered).limit(limit).offset(offset).subquery("page")
    return _Statements(
        count=sa.select(sa.func.count().label("total")).select_from(Project).where(*wanted),
        page=_rows(page).order_by(*ordered),
        asks_user=asks_user,
    )


def _all_often() -> Iterator[tuple[tuple[str, bool | None, bool], _Statements]]:
    """Plain lists, of all, of public or of private projects, whatever their names or not, for each kind of caller."""
    scopes = (
        (_ALL, sa.true()),
        (_OWN, _seen_by(sa.bindparam("user", type_=sa.BigInteger))),
        (_PUBLIC_ONES, Project.public.is_(sa.true())),
    )
    publics = ((None, ()), (True, (Project.public.is_(sa.true()),)), (False, (Project.public.is_(sa.false()),)))
    names = (
        (False, ()),
        (True, (sa.func.lower(Project.name).like(sa.bindparam("pattern", type_=sa.String), escape="/"),)),
    )
    for (scope, seen), (public, kind), (named, called) in product(scopes, publics, names):
        yield (scope, public, named), _made(seen, *kind, *called, asks_user=scope == _OWN)


_ALL: Final = "all"
_OWN: Final = "own"
_PUBLIC_ONES: Final = "public"
_OFTEN: Final = dict(_all_often())
_ONE = _rows().where(Project.id == sa.bindparam("project", type_=sa.BigInteger))
