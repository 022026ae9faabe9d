"""Rows of immutability rules, and the lock that orders their changes and those of tags."""

from collections.abc import Collection, Mapping
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.errors import NotFoundError
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.listing import Columns, conditions, counted, order, paged
from app.db.locks import hold_names, share_names
from app.immutability.models import ImmutableRule
from app.immutability.results import RuleView, Selectors

_COLUMNS: Final[Columns] = {
    "id": ImmutableRule.id,
    "project_id": ImmutableRule.project_id,
    "priority": ImmutableRule.priority,
    "disabled": ImmutableRule.disabled,
    "creation_time": ImmutableRule.creation_time,
    "update_time": ImmutableRule.update_time,
}
_VIEW: Final = sa.select(
    ImmutableRule.id,
    ImmutableRule.project_id,
    ImmutableRule.priority,
    ImmutableRule.disabled,
    ImmutableRule.selectors,
)


def list_rules(session: Session, project_id: int, query: ListQuery) -> Listed[RuleView]:
    """Return a page of the project's rules, oldest first."""
    where = [ImmutableRule.project_id == project_id, *conditions(query, _COLUMNS)]
    ordered = order(query.sort, _COLUMNS, (ImmutableRule.id,), ImmutableRule.id)
    total = counted(session, sa.select(ImmutableRule.id).where(*where))
    rows = session.execute(paged(_VIEW.where(*where).order_by(*ordered), query.page))
    return Listed(items=[_view_of(row) for row in rows], total=total, page=query.page)


def enabled_rules(session: Session, project_ids: Collection[int]) -> list[RuleView]:
    """Return the enabled rules of the projects, oldest first in each."""
    if not project_ids:
        return []
    return [_view_of(row) for row in session.connection().execute(_ENABLED, {"projects": list(project_ids)})]


def lock_rules(session: Session, project_id: int) -> None:
    """Wait for the changes of tags that hold the project's rules, and keep others from holding them."""
    hold_names(session, _lock_of(project_id))


def keep_rules(session: Session, project_id: int) -> None:
    """Keep the project's rules as they are until the transaction ends; others may keep them, too."""
    share_names(session, _lock_of(project_id))


def require_rule(session: Session, project_id: int, rule_id: int) -> RuleView:
    """Return the rule of the project; raise NotFoundError without one, also when another project has it."""
    for row in session.connection().execute(_ONE, {"project": project_id, "rule": rule_id}):
        return _view_of(row)
    raise NotFoundError(f"immutable tag rule {rule_id} of project {project_id} not found")


def count_rules(session: Session, project_id: int) -> int:
    """Count the project's rules."""
    return counted(session, sa.select(ImmutableRule.id).where(ImmutableRule.project_id == project_id))


def same_rule_or_none(session: Session, project_id: int, fingerprint: str) -> int | None:
    """Return the id of the project's rule with these selectors, None without one."""
    values = {"project": project_id, "fingerprint": fingerprint}
    rule_id: int | None = session.connection().execute(_SAME, values).scalar_one_or_none()
    return rule_id


def insert_rule(session: Session, project_id: int, row: Mapping[str, object]) -> int:
    """Add a rule with the values of its columns and return its id."""
    return int(session.connection().execute(_INSERT, {"project_id": project_id, **row}).scalar_one())


def update_rule(session: Session, rule_id: int, changes: Mapping[str, object]) -> None:
    """Change columns of a rule."""
    session.execute(sa.update(_RULE).where(_RULE.c.id == rule_id).values(**changes))


def delete_rule(session: Session, rule_id: int) -> None:
    """Delete a rule."""
    session.execute(sa.delete(_RULE).where(_RULE.c.id == rule_id))


def _lock_of(project_id: int) -> str:
    return f"immutable tag rules of project {project_id}"


def _view_of(row: Any) -> RuleView:  # noqa: ANN401 - a row of any statement with the columns of _VIEW
    return RuleView(
        id=row.id,
        project_id=row.project_id,
        priority=row.priority,
        disabled=row.disabled,
        selectors=Selectors.of_document(row.selectors),
    )


_RULE: Final = cast("sa.Table", ImmutableRule.__table__)
_ENABLED: Final = _VIEW.where(
    ImmutableRule.project_id.in_(sa.bindparam("projects", expanding=True)), ImmutableRule.disabled.is_(sa.false())
).order_by(ImmutableRule.project_id, ImmutableRule.id)
_ONE: Final = _VIEW.where(ImmutableRule.project_id == sa.bindparam("project"), ImmutableRule.id == sa.bindparam("rule"))
_SAME: Final = sa.select(ImmutableRule.id).where(
    ImmutableRule.project_id == sa.bindparam("project"), ImmutableRule.fingerprint == sa.bindparam("fingerprint")
)
_INSERT: Final = sa.insert(_RULE).returning(_RULE.c.id)
