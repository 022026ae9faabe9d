"""The management API's operations on the audit log of a project."""

from typing import Any

from flask.views import MethodView

from app.audit.results import AuditView
from app.audit.schemas import AuditLogExtSchema, AuditLogSchema
from app.audit.service import AuditService
from app.core.paging import Listed
from app.web.blueprint import HarborBlueprint
from app.web.schemas import ListParameters, list_query
from app.web.session import current_context

blueprint = HarborBlueprint("audit", __name__)


@blueprint.route("/projects/<project_name>/logs", tags=["project"])
class ProjectLogs(MethodView):
    """The audit log of a project in Harbor's older model, without outcomes."""

    @blueprint.operation("getLogs", 400, 401, 500)
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(AuditLogSchema)
    def get(self, parameters: dict[str, Any], project_name: str) -> Listed[AuditView]:
        """Get recent logs of the projects (deprecated)."""
        return AuditService(current_context()).list_in(project_name, list_query(parameters))


@blueprint.route("/projects/<project_name>/auditlog-exts", tags=["project"])
class ProjectLogExts(MethodView):
    """The audit log of a project, with the outcome of each operation."""

    @blueprint.operation("getLogExts", 400, 401, 500)
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(AuditLogExtSchema)
    def get(self, parameters: dict[str, Any], project_name: str) -> Listed[AuditView]:
        """Get recent logs of the projects."""
        return AuditService(current_context()).list_in(project_name, list_query(parameters))
