"""The management API's operations on quotas, and the sizes of projects and repositories."""

from typing import Any

from flask.views import MethodView

from app.artifacts.usage import Sizes
from app.core.paging import Listed
from app.projects.schemas import NameHeaders
from app.quotas.results import QuotaView
from app.quotas.schemas import QuotaListParameters, QuotaSchema, QuotaUpdateReqSchema, SizesSchema
from app.quotas.service import QuotaService
from app.quotas.sizes import SizeService
from app.web.blueprint import HarborBlueprint
from app.web.keys import name_or_id
from app.web.schemas import list_query
from app.web.session import current_context

blueprint = HarborBlueprint("quota", __name__)


@blueprint.route("/quotas")
class Quotas(MethodView):
    """The quotas of all projects."""

    @blueprint.operation("listQuotas", 401, 403, 500)
    @blueprint.arguments(QuotaListParameters, location="query")
    @blueprint.lists(QuotaSchema)
    def get(self, parameters: dict[str, Any]) -> Listed[QuotaView]:
        """List quotas."""
        query = list_query(parameters)
        reference, reference_id = parameters.get("reference"), parameters.get("reference_id")
        return QuotaService(current_context()).list(query, reference=reference, reference_id=reference_id)


@blueprint.route("/quotas/<int:id>")
class QuotaItem(MethodView):
    """The quota of one project."""

    @blueprint.operation("getQuota", 401, 403, 404, 500)
    @blueprint.shows(QuotaSchema)
    def get(self, id: int) -> QuotaView:  # noqa: A002 - Harbor's name
        """Get the specified quota."""
        return QuotaService(current_context()).find(id)

    @blueprint.operation("updateQuota", 400, 401, 403, 404, 500)
    @blueprint.arguments(QuotaUpdateReqSchema)
    @blueprint.does()
    def put(self, body: dict[str, Any], id: int) -> None:  # noqa: A002 - Harbor's name
        """Update the specified quota."""
        QuotaService(current_context()).update(id, body.get("hard", {}))


@blueprint.route("/projects/<project_name_or_id>/sizes")
class ProjectSizes(MethodView):
    """The sizes of a project's content."""

    @blueprint.operation("getProjectSizes", 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.shows(SizesSchema)
    def get(self, headers: dict[str, Any], project_name_or_id: str) -> Sizes:
        """Get the physical, logical and reclaimable size of a project."""
        return SizeService(current_context()).of_project(name_or_id(project_name_or_id, is_name=headers["is_name"]))


@blueprint.route("/projects/<project_name>/repositories/<encoded:repository_name>/sizes")
class RepositorySizes(MethodView):
    """The sizes of a repository's content."""

    @blueprint.operation("getRepositorySizes", 401, 403, 404, 500)
    @blueprint.shows(SizesSchema)
    def get(self, project_name: str, repository_name: str) -> Sizes:
        """Get the physical, logical and reclaimable size of a repository."""
        return SizeService(current_context()).of_repository(project_name, repository_name)
