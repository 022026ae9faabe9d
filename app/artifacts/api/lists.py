"""The management API's lists of artifacts across repositories, and of accessories."""

from typing import Any

from flask.views import MethodView

from app.artifacts.accessory_list import AccessoryListService
from app.artifacts.api.parts import parts_of
from app.artifacts.schemas import (
    AccessorySchema,
    ArtifactListParameters,
    ArtifactSchema,
    ProjectArtifactListParameters,
    ReportHeaders,
)
from app.artifacts.service import ArtifactService
from app.artifacts.views import AccessoryView, ArtifactView
from app.core.paging import Listed
from app.projects.schemas import NameHeaders
from app.web.blueprint import HarborBlueprint
from app.web.keys import name_or_id
from app.web.schemas import ListParameters, list_query
from app.web.session import current_context

blueprint = HarborBlueprint("artifact_list", __name__)
_ARTIFACT = "/projects/<project_name>/repositories/<encoded:repository_name>/artifacts/<reference>"


@blueprint.route("/artifacts", tags=["artifact"])
class AllArtifacts(MethodView):
    """The artifacts of every project."""

    @blueprint.operation("listAllArtifacts", 400, 500)
    @blueprint.arguments(ReportHeaders, location="headers")
    @blueprint.arguments(ArtifactListParameters, location="query")
    @blueprint.lists(ArtifactSchema)
    def get(self, _: dict[str, Any], parameters: dict[str, Any]) -> Listed[ArtifactView]:
        """List the artifacts of all projects in which the caller may list them."""
        return ArtifactService(current_context()).list_all(list_query(parameters), parts_of(parameters))


@blueprint.route("/projects/<project_name_or_id>/artifacts", tags=["project"])
class ProjectArtifacts(MethodView):
    """The artifacts of a project."""

    @blueprint.operation("listArtifactsOfProject", 400, 401, 403, 404, 422, 500)
    @blueprint.arguments(ReportHeaders, location="headers")
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(ProjectArtifactListParameters, location="query")
    @blueprint.lists(ArtifactSchema)
    def get(
        self, _: dict[str, Any], headers: dict[str, Any], parameters: dict[str, Any], project_name_or_id: str
    ) -> Listed[ArtifactView]:
        """List artifacts of a project."""
        project = name_or_id(project_name_or_id, is_name=headers["is_name"])
        newest = parameters["latest_in_repository"]
        artifacts = ArtifactService(current_context())
        return artifacts.list_in_project(project, list_query(parameters), parts_of(parameters), newest=newest)


@blueprint.route(f"{_ARTIFACT}/accessories", tags=["artifact"])
class Accessories(MethodView):
    """The accessories of an artifact."""

    @blueprint.operation("listAccessories", 400, 401, 403, 404, 500)
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(AccessorySchema)
    def get(
        self, parameters: dict[str, Any], project_name: str, repository_name: str, reference: str
    ) -> Listed[AccessoryView]:
        """List accessories."""
        accessories = AccessoryListService(current_context())
        return accessories.list(project_name, repository_name, reference, list_query(parameters))
