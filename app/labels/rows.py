"""Rows of labels: read by id, listed in the order of their names, counted."""

from collections.abc import Mapping
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core.errors import NotFoundError
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.listing import Columns, conditions, counted, order, paged
from app.labels.models import Label
from app.labels.results import LabelView, Scope

COLUMNS = (
    Label.id,
    Label.project_id,
    Label.name,
    Label.description,
    Label.color,
    Label.creation_time,
    Label.update_time,
)
"""What a LabelView is made of."""
_SCOPE = sa.case((Label.project_id.is_(None), Scope.GLOBAL.value), else_=Scope.PROJECT.value)
_FILTERS: Columns = {
    "id": Label.id,
    "project_id": sa.func.coalesce(Label.project_id, 0),
    "name": Label.name,
    "description": Label.description,
    "color": Label.color,
    "scope": _SCOPE,
    "creation_time": Label.creation_time,
    "update_time": Label.update_time,
}


def list_labels(session: Session, project_id: int | None, query: ListQuery) -> Listed[LabelView]:
    """Return a page of the project's labels, of the global ones for None, in the order of their names."""
    where = [_in_space(project_id), *conditions(query, _FILTERS)]
    ordered = order(query.sort, _FILTERS, (Label.name,), Label.id)
    total = counted(session, sa.select(Label.id).where(*where))
    rows = session.execute(paged(sa.select(*COLUMNS).where(*where).order_by(*ordered), query.page))
    return Listed(items=[view_of(row) for row in rows], total=total, page=query.page)


def view_of(row: Any) -> LabelView:  # noqa: ANN401 - a row of any statement with COLUMNS
    """Return the label of a row of COLUMNS."""
    return LabelView(
        id=row.id,
        project_id=row.project_id,
        name=row.name,
        description=row.description,
        color=row.color,
        creation_time=row.creation_time,
        update_time=row.update_time,
    )


def require_label(session: Session, label_id: int) -> LabelView:
    """Return the label; raise NotFoundError when it does not exist."""
    for row in session.connection().execute(_BY_ID, {"label": label_id}).all():
        return view_of(row)
    raise unknown(label_id)


def require_usable(session: Session, label_id: int, project_id: int) -> LabelView:
    """Return the label if it is global or the project's own; raise NotFoundError otherwise."""
    label = require_label(session, label_id)
    if label.project_id not in (None, project_id):
        raise unknown(label_id)
    return label


def id_or_none(session: Session, project_id: int | None, name: str) -> int | None:
    """Return the id of the label of this name in the project, among the global ones for None; None without one."""
    statement = sa.select(Label.id).where(_in_space(project_id), Label.name == name)
    return session.execute(statement).scalar_one_or_none()


def count_in(session: Session, project_id: int | None) -> int:
    """Count the labels of the project, the global ones for None."""
    return counted(session, sa.select(Label.id).where(_in_space(project_id)))


def insert_label(session: Session, row: Mapping[str, object]) -> int:
    """Add a label with the values of its columns and return its id."""
    return int(session.connection().execute(_INSERT, row).scalar_one())


def update_label(session: Session, label_id: int, changes: Mapping[str, object]) -> None:
    """Change the name, description, colour and time of a label; raise NotFoundError when it does not exist."""
    new = {f"new_{name}": value for name, value in changes.items()}
    if not session.connection().execute(_UPDATE, {"label": label_id, **new}).all():
        raise unknown(label_id)


def delete_label(session: Session, label_id: int) -> None:
    """Delete a label; raise NotFoundError when it does not exist.

    The database takes it from all artifacts and repositories in the same statement, by index.
    """
    if not session.connection().execute(_DELETE, {"label": label_id}).all():
        raise unknown(label_id)


def unknown(label_id: int) -> NotFoundError:
    """Return the error for a label that does not exist, or that a project may not use."""
    return NotFoundError(f"label {label_id} not found")


def _in_space(project_id: int | None) -> sa.ColumnElement[bool]:
    return Label.project_id.is_(None) if project_id is None else Label.project_id == project_id


_BY_ID = sa.select(*COLUMNS).where(Label.id == sa.bindparam("label"))
_INSERT = sa.insert(cast("sa.Table", Label.__table__)).returning(Label.id)
_UPDATE = (
    sa.update(cast("sa.Table", Label.__table__))
    .where(Label.id == sa.bindparam("label"))
    .values(
        name=sa.bindparam("new_name"),
        description=sa.bindparam("new_description"),
        color=sa.bindparam("new_color"),
        update_time=sa.bindparam("new_update_time", type_=Label.update_time.type),
    )
    .returning(Label.id)
)
_DELETE = sa.delete(Label).where(Label.id == sa.bindparam("label")).returning(Label.id)
