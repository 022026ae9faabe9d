"""The management API's operations on the metadata of a project."""

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from app.projects.metadata import MetadataService
from app.projects.schemas import NameHeaders
from app.web.blueprint import HarborBlueprint
from app.web.keys import name_or_id
from app.web.session import current_context

blueprint = HarborBlueprint("projectMetadata", __name__)


@blueprint.route("/projects/<project_name_or_id>/metadatas/")
class ProjectMetadatas(MethodView):
    """All metadata of a project."""

    @blueprint.operation("listProjectMetadatas", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.shows_texts()
    def get(self, headers: dict[str, Any], project_name_or_id: str) -> Mapping[str, str]:
        """Get the metadata of the specific project."""
        return MetadataService(current_context()).all(name_or_id(project_name_or_id, is_name=headers["is_name"]))

    @blueprint.operation("addProjectMetadatas", 400, 401, 403, 404, 409, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.takes_texts("metadata")
    @blueprint.does()
    def post(self, headers: dict[str, Any], given: dict[str, str], project_name_or_id: str) -> None:
        """Add metadata for the specific project."""
        MetadataService(current_context()).add(name_or_id(project_name_or_id, is_name=headers["is_name"]), given)


@blueprint.route("/projects/<project_name_or_id>/metadatas/<meta_name>")
class ProjectMetadataItem(MethodView):
    """One key of a project's metadata."""

    @blueprint.operation("getProjectMetadata", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.shows_texts()
    def get(self, headers: dict[str, Any], project_name_or_id: str, meta_name: str) -> Mapping[str, str]:
        """Get the specific metadata of the specific project."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        return MetadataService(current_context()).get(key, meta_name)

    @blueprint.operation("updateProjectMetadata", 400, 401, 403, 404, 409, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.takes_texts("metadata")
    @blueprint.does()
    def put(self, headers: dict[str, Any], given: dict[str, str], project_name_or_id: str, meta_name: str) -> None:
        """Update the specific metadata for the specific project."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        MetadataService(current_context()).update(key, meta_name, given)

    @blueprint.operation("deleteProjectMetadata", 400, 401, 403, 404, 409, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.does()
    def delete(self, headers: dict[str, Any], project_name_or_id: str, meta_name: str) -> None:
        """Delete the specific metadata for the specific project."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        MetadataService(current_context()).delete(key, meta_name)
