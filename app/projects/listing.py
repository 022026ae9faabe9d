"""The list of projects and the view of one project, in three queries for a page of any length."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.sql.elements import ColumnElement

from app.access.principals import Principal, PrincipalKind
from app.access.roles import Role
from app.context import Context
from app.core.errors import InvalidError, ProjectUnknown
from app.core.paging import Listed, OffsetPage
from app.core.query import AnyOf, Condition, Exact, Fuzzy, ListQuery, Term
from app.db.documents import object_of, within
from app.db.listing import Columns, conditions, order, pattern, windowed
from app.db.parts import parts
from app.identity import people
from app.projects.allowlist import AllowlistView
from app.projects.candidates import GROUP, USER
from app.projects.metadata_keys import PUBLIC
from app.projects.models import CVEAllowlist, Project, ProjectMember, ProjectMetadata
from app.projects.results import ProjectView, by_power
from app.projects.visibility import count_of_seen_by, projects_of, seen_by, seen_projects, sees_all

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
_NO_USER: Final = 0
_MOST_PEOPLE: Final = 100
_NO_PROJECT: Final = 0
_LIST_BYTES: Final = 512 * 1024
"""The limit of all CVE allowlists on one page."""
_WHOLE: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statements:
    """The statements for the number of projects and for the ids of one page, by ``limit`` and ``offset``."""

    count: sa.Select[int]
    ids: sa.Select[int]
    ids_from_end: sa.Select[int] | None = None
    """The same in reverse order, which is faster for pages in the second half."""
    values: Mapping[str, object] = field(default_factory=dict)
    """Further parameters of the statements."""


def list_visible(ctx: Context, query: ListQuery, *, detailed: bool) -> Listed[ProjectView]:
    """Return the page of matching projects that the caller may see; with roles and counter only if ``detailed``."""
    statements = _prepared_or_none(ctx.principal, query) or _built_for(ctx, query)
    total = ctx.prepared_rows(statements.count, statements.values)[0].total
    ids = _ids(ctx, statements, query.page, total)
    items = _views(ctx, ids, detailed=detailed, list_bytes=_LIST_BYTES // query.page.size)
    return Listed(items=items, total=total, page=query.page)


def _ids(ctx: Context, statements: _Statements, page: OffsetPage, total: int) -> list[int]:
    """Return the ids of the page in order, read from the nearer end."""
    limit, offset = min(page.size, total - page.offset), page.offset
    if limit <= 0:
        return []
    if statements.ids_from_end is None or offset <= total // 2:
        rows = ctx.prepared_rows(statements.ids, {**statements.values, "limit": limit, "offset": offset})
        return [row.id for row in rows]
    left = total - offset - limit
    rows = ctx.prepared_rows(statements.ids_from_end, {**statements.values, "limit": limit, "offset": left})
    return [row.id for row in reversed(rows)]


def view_of(ctx: Context, project_id: int) -> ProjectView:
    """Return the project as the caller sees it, without checking rights; raise ProjectUnknown when it is gone."""
    for view in _views(ctx, [project_id], detailed=True, list_bytes=_WHOLE):
        return view
    raise ProjectUnknown(f"project {project_id} not found")


def views_of(ctx: Context, ids: Sequence[int]) -> list[ProjectView]:
    """Return the projects in the order of ``ids`` as the caller sees them, without checking rights."""
    return _views(ctx, ids, detailed=True, list_bytes=_LIST_BYTES // max(1, len(ids)))


def _user(principal: Principal) -> int:
    return principal.id if principal.kind is PrincipalKind.USER else _NO_USER


def _views(ctx: Context, ids: Sequence[int], *, detailed: bool, list_bytes: int) -> list[ProjectView]:
    """Return the projects in the order of ``ids``, with CVE allowlists up to ``list_bytes``.

    Projects that were deleted meanwhile are left out.
    """
    views = {}
    for part in parts(ids, _SIZES[-1]):
        size = next(size for size in _SIZES if size >= len(part))
        places = dict(zip(_places(size), (*part, *[_NO_PROJECT] * size), strict=False))
        for row in ctx.prepared_rows(_ROWS[size], {"user": _user(ctx.principal), "list_bytes": list_bytes, **places}):
            views[row.id] = _view(row, detailed=detailed)
    return [views[project_id] for project_id in ids if project_id in views]


def _view(row: sa.Row[Any], *, detailed: bool) -> ProjectView:
    roles = frozenset(Role(role) for role in (row.roles or {}).values()) if detailed else frozenset()
    return ProjectView(
        id=row.id,
        name=row.name,
        owner_id=row.owner_id,
        owner_name=row.owner_name or "",
        creation_time=row.creation_time,
        update_time=row.update_time,
        metadata={PUBLIC: "true" if row.public else "false", **(row.stored or {})},
        repo_count=row.repo_count if detailed else 0,
        roles=by_power(roles),
        cve_allowlist=AllowlistView(
            id=row.list_id or 0,
            project_id=row.id,
            cve_ids=() if row.list_id is None else row.list_items,
            expires_at=row.list_expires_at,
            creation_time=row.list_creation_time,
            update_time=row.list_update_time,
        ),
    )


def _prepared_or_none(principal: Principal, query: ListQuery) -> _Statements | None:
    """Return the prepared statements for a frequent query, None for any other."""
    if query.sort or (principal.kind is PrincipalKind.ROBOT and not sees_all(principal)):
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
    scope, named = _scope(principal), bool(values)
    return replace(_PREPARED[scope, public, named], values=values | ({"user": principal.id} if scope == _OWN else {}))


def _built_for(ctx: Context, query: ListQuery) -> _Statements:
    filters = seen_projects(ctx.principal), *conditions(query, _COLUMNS), *_special(ctx, query)
    return _statements(*filters, ordered=order(query.sort, _COLUMNS, (Project.name,), Project.id))


def _scope(principal: Principal) -> str:
    if sees_all(principal):
        return _ALL
    return _OWN if principal.kind is PrincipalKind.USER else _PUBLIC_ONES


def _special(ctx: Context, query: ListQuery) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions of the keys that are no columns of a project.

    Only administrators may filter by any ``member``, users by themselves; for other callers the key is ignored.
    """
    for condition in query.values("owner"):
        yield Project.owner_id.in_(_people(ctx, condition))
    for condition in query.values("names"):
        yield Project.name.in_(_texts(condition))
    own = _user(ctx.principal)
    for condition in query.values("member"):
        users = _people(ctx, condition) or [_NO_USER]
        if ctx.principal.sysadmin or (own != _NO_USER and users == [own]):
            yield from (Project.id.in_(projects_of(sa.literal(person, sa.BigInteger))) for person in users)


def _people(ctx: Context, condition: Condition) -> list[int]:
    names = list(dict.fromkeys(_texts(condition)))
    if len(names) > _MOST_PEOPLE:
        raise InvalidError(f"invalid query: it names more than {_MOST_PEOPLE} people")
    with ctx.read() as session:
        ids = [people.user_id_or_none(session, name) for name in names]
    return [person for person in ids if person is not None]


def _texts(condition: Condition) -> list[str]:
    match condition:
        case Exact(value=value):
            return [str(value)]
        case AnyOf(values=values):
            return [str(value) for value in values]
        case _:
            return []


def _rows(size: int) -> sa.Select[*tuple[Any, ...]]:
    """Return the statement for what is shown of ``size`` projects by their ids, with the roles of ``user``."""
    user = sa.bindparam("user", type_=sa.BigInteger)
    member = ProjectMember
    held = sa.or_(
        sa.and_(member.entity_type == USER, member.entity_id == user),
        sa.and_(member.entity_type == GROUP, member.entity_id.in_(people.groups_of(user))),
    )
    roles = sa.select(object_of(sa.cast(member.role, sa.String), member.role)).where(
        member.project_id == Project.id, held
    )
    stored = sa.select(object_of(ProjectMetadata.name, ProjectMetadata.value)).where(
        ProjectMetadata.project_id == Project.id
    )
    owner = people.USER_NAMES
    return (
        sa.select(
            Project.id,
            Project.name,
            Project.owner_id,
            owner.c.name.label("owner_name"),
            Project.public,
            Project.repo_count,
            Project.creation_time,
            Project.update_time,
            stored.scalar_subquery().label("stored"),
            roles.scalar_subquery().label("roles"),
            CVEAllowlist.id.label("list_id"),
            within(CVEAllowlist.items, sa.bindparam("list_bytes", type_=sa.BigInteger)).label("list_items"),
            CVEAllowlist.expires_at.label("list_expires_at"),
            CVEAllowlist.creation_time.label("list_creation_time"),
            CVEAllowlist.update_time.label("list_update_time"),
        )
        .select_from(Project)
        .outerjoin(owner, owner.c.id == Project.owner_id)
        .outerjoin(CVEAllowlist, CVEAllowlist.project_id == Project.id)
        .where(Project.id.in_([sa.bindparam(place, type_=sa.BigInteger) for place in _places(size)]))
    )


def _places(size: int) -> list[str]:
    return [f"id_{number}" for number in range(size)]


def _statements(
    *filters: ColumnElement[bool],
    ordered: Sequence[sa.SQLColumnExpression[Any]],
    backwards: Sequence[sa.SQLColumnExpression[Any]] = (),
) -> _Statements:
    """Return the statements for the projects that meet all ``filters``."""
    ids = windowed(sa.select(Project.id).where(*filters))
    return _Statements(
        count=sa.select(sa.func.count().label("total")).select_from(Project).where(*filters),
        ids=ids.order_by(*ordered),
        ids_from_end=ids.order_by(*backwards) if backwards else None,
    )


def _all_prepared() -> Iterator[tuple[tuple[str, bool | None, bool], _Statements]]:
    """Yield the statements of frequent queries by kind of caller, by public or private, and by a part of the name."""
    user = sa.bindparam("user", type_=sa.BigInteger)
    scopes = (
        (_ALL, sa.true()),
        (_OWN, seen_by(user)),
        (_PUBLIC_ONES, Project.public.is_(sa.true())),
    )
    publics = ((None, ()), (True, (Project.public.is_(sa.true()),)), (False, (Project.public.is_(sa.false()),)))
    names = (
        (False, ()),
        (True, (sa.func.lower(Project.name).like(sa.bindparam("pattern", type_=sa.String), escape="/"),)),
    )
    for (scope, seen), (public, kind), (named, called) in product(scopes, publics, names):
        statements = _statements(seen, *kind, *called, ordered=(Project.name,), backwards=(Project.name.desc(),))
        whole = scope == _OWN and not kind and not called
        yield (scope, public, named), replace(statements, count=count_of_seen_by(user)) if whole else statements


_ALL: Final = "all"
_OWN: Final = "own"
_PUBLIC_ONES: Final = "public"
_PREPARED: Final = dict(_all_prepared())
_SIZES: Final = (1, 10, 25, 100)
"""The numbers of ids for which there is a statement; missing ids are filled up with ``_NO_PROJECT``."""
_ROWS: Final = {size: _rows(size) for size in _SIZES}
