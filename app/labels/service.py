"""The use cases of labels: create, show, list, update, delete."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.access.decision import require_authenticated
from app.context import Context
from app.core.errors import ConflictError, LimitError
from app.core.paging import Listed
from app.core.query import ListQuery
from app.db.database import retried
from app.db.locks import hold_names
from app.events.labels import LabelCreated, LabelDeleted, LabelUpdated
from app.labels import rows
from app.labels.results import LabelView
from app.labels.rights import require_in_space, require_on_label
from app.labels.rules import MOST_LABELS, require_fields, require_scope


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFields:
    """What can be changed of a label."""

    name: str
    description: str = ""
    color: str = ""


class LabelService:
    """The use cases of labels, in the name of the context's principal; all raise as ``rights`` does."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def list(self, scope: str, project_id: int, query: ListQuery) -> Listed[LabelView]:
        """Return a page of the global labels, which everybody sees, or of those of a project.

        Raises FieldInvalid for an unknown scope, and for the scope of projects without a project.
        """
        space = require_scope(scope, project_id)
        if space is not None:
            require_in_space(self._ctx, space, "list")
        with self._ctx.read() as session:
            return rows.list_labels(session, space, query)

    def get(self, label_id: int) -> LabelView:
        """Return the label; raise NotFoundError."""
        return require_on_label(self._ctx, label_id, "read")

    @retried()
    def create(self, scope: str, project_id: int, fields: LabelFields) -> int:
        """Create a label and return its id; ``project_id`` is ignored for a global one.

        Raises FieldInvalid for an invalid value, ConflictError for a name that is taken there, LimitError when the
        project, or the system, has too many labels.
        """
        require_authenticated(self._ctx.principal)
        space = require_scope(scope, project_id)
        require_in_space(self._ctx, space, "create")
        require_fields(fields.name, fields.description, fields.color)
        with self._ctx.write() as session:
            _hold_space(session, space)
            _require_free(session, space, fields.name)
            if rows.count_in(session, space) >= MOST_LABELS:
                raise LimitError(f"there are {MOST_LABELS} labels already, which is the most")
            return self._insert(session, space, fields)

    @retried()
    def update(self, label_id: int, fields: LabelFields) -> None:
        """Change the label's name, description and colour; it keeps its scope and project.

        Raises NotFoundError; FieldInvalid for an invalid value; ConflictError for a name that is taken there.
        """
        label = require_on_label(self._ctx, label_id, "update")
        require_fields(fields.name, fields.description, fields.color)
        with self._ctx.write() as session:
            _hold_space(session, label.project_id)
            _require_free(session, label.project_id, fields.name, besides=label_id)
            changes = {**_columns(fields), "update_time": self._ctx.ports.clock.now()}
            rows.update_label(session, label_id, changes)
            self._ctx.emit(LabelUpdated(project_id=label.project_id or 0, label_id=label_id, name=fields.name))

    @retried()
    def delete(self, label_id: int) -> None:
        """Delete the label, also from all artifacts and repositories that have it; raise NotFoundError."""
        label = require_on_label(self._ctx, label_id, "delete")
        with self._ctx.write() as session:
            rows.delete_label(session, label_id)
            self._ctx.emit(LabelDeleted(project_id=label.project_id or 0, label_id=label_id, name=label.name))

    def _insert(self, session: Session, project_id: int | None, fields: LabelFields) -> int:
        now = self._ctx.ports.clock.now()
        row = {"project_id": project_id, **_columns(fields), "creation_time": now, "update_time": now}
        label_id = rows.insert_label(session, row)
        self._ctx.emit(LabelCreated(project_id=project_id or 0, label_id=label_id, name=fields.name))
        return label_id


def _columns(fields: LabelFields) -> dict[str, object]:
    return {"name": fields.name, "description": fields.description, "color": fields.color}


def _hold_space(session: Session, project_id: int | None) -> None:
    """Wait for other changes of the project's labels, of the global ones for None."""
    hold_names(session, "global labels" if project_id is None else f"labels of project {project_id}")


def _require_free(session: Session, project_id: int | None, name: str, *, besides: int | None = None) -> None:
    if rows.id_or_none(session, project_id, name) not in (None, besides):
        raise ConflictError(f"a label named {name} exists already")
