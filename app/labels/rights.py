"""The rights to see and manage labels: global ones by rights of the system, the others by rights in their project."""

from app.access.decision import require_authenticated, require_in_system
from app.context import Context
from app.core.errors import DeniedError, NotFoundError
from app.labels import rows
from app.labels.results import LabelView
from app.projects.rights import require_in_project


def require_in_space(ctx: Context, project_id: int | None, action: str) -> None:
    """Raise unless the caller may do ``action`` on the labels of a project, on global ones for None."""
    if project_id is None:
        require_in_system(ctx.principal, "label", action)
    else:
        require_in_project(ctx, project_id, "label", action)


def require_on_label(ctx: Context, label_id: int, action: str) -> LabelView:
    """Return the label if the caller may do ``action`` on it.

    Raises NotFoundError without the label, UnauthenticatedError for an anonymous caller in both cases, DeniedError,
    which does not reveal the label's project.
    """
    try:
        with ctx.read() as session:
            label = rows.require_label(session, label_id)
        require_in_space(ctx, label.project_id, action)
    except NotFoundError:
        require_authenticated(ctx.principal)
        raise rows.unknown(label_id) from None
    except DeniedError:
        raise DeniedError(f"unauthorized to {action} label {label_id}") from None
    return label
