"""The management API's operations on projects."""

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from app.core.errors import NotFoundError
from app.core.paging import Listed
from app.core.query import Exact, Fuzzy, ListQuery
from app.projects.results import Deletable, ProjectSummary, ProjectView
from app.projects.schemas import (
    CreationHeaders,
    NameHeaders,
    ProjectDeletableSchema,
    ProjectListParameters,
    ProjectNameParameters,
    ProjectReqSchema,
    ProjectSchema,
    ProjectSummarySchema,
)
from app.projects.service import NewProject, ProjectChange, ProjectService
from app.web.blueprint import HarborBlueprint
from app.web.keys import name_or_id
from app.web.schemas import list_query
from app.web.session import current_context

blueprint = HarborBlueprint("project", __name__)


@blueprint.route("/projects")
class Projects(MethodView):
    """All projects."""

    @blueprint.operation("listProjects", 400, 401, 422, 500)
    @blueprint.arguments(ProjectListParameters, location="query")
    @blueprint.lists(ProjectSchema)
    def get(self, parameters: dict[str, Any]) -> Listed[ProjectView]:
        """List projects."""
        return ProjectService(current_context()).list(_query(parameters), detailed=parameters["with_detail"])

    @blueprint.operation("createProject", 400, 401, 409, 500)
    @blueprint.arguments(CreationHeaders, location="headers")
    @blueprint.arguments(ProjectReqSchema)
    @blueprint.creates()
    def post(self, headers: dict[str, Any], body: dict[str, Any]) -> str:
        """Create a new project."""
        project = ProjectService(current_context()).create(_new(body))
        return f"/api/v2.0/projects/{project.name if headers['name_in_location'] else project.id}"

    @blueprint.operation("headProject", 400, 404, 500)
    @blueprint.arguments(ProjectNameParameters, location="query")
    @blueprint.does()
    def head(self, parameters: dict[str, Any]) -> None:
        """Check if the project name user provided already exists."""
        name = parameters["project_name"]
        if not ProjectService(current_context()).exists(name):
            raise NotFoundError(f"project {name} not found")


@blueprint.route("/projects/<project_name_or_id>")
class ProjectItem(MethodView):
    """One project."""

    @blueprint.operation("getProject", 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.shows(ProjectSchema)
    def get(self, headers: dict[str, Any], project_name_or_id: str) -> ProjectView:
        """Return specific project detail information."""
        return ProjectService(current_context()).find(name_or_id(project_name_or_id, is_name=headers["is_name"]))

    @blueprint.operation("updateProject", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(ProjectReqSchema)
    @blueprint.does()
    def put(self, headers: dict[str, Any], body: dict[str, Any], project_name_or_id: str) -> None:
        """Update properties for a selected project."""
        change = ProjectChange(metadata=body.get("metadata", {}), cve_allowlist=body.get("cve_allowlist"))
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        ProjectService(current_context()).update(key, change)

    @blueprint.operation("deleteProject", 400, 403, 404, 412, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.does()
    def delete(self, headers: dict[str, Any], project_name_or_id: str) -> None:
        """Delete project by projectID."""
        ProjectService(current_context()).delete(name_or_id(project_name_or_id, is_name=headers["is_name"]))


@blueprint.route("/projects/<project_name_or_id>/_deletable")
class ProjectDeletable(MethodView):
    """Whether a project can be deleted."""

    @blueprint.operation("getProjectDeletable", 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.shows(ProjectDeletableSchema)
    def get(self, headers: dict[str, Any], project_name_or_id: str) -> Deletable:
        """Get the deletable status of the project."""
        return ProjectService(current_context()).deletable(name_or_id(project_name_or_id, is_name=headers["is_name"]))


@blueprint.route("/projects/<project_name_or_id>/summary")
class ProjectNumbers(MethodView):
    """The counters and the quota of a project."""

    @blueprint.operation("getProjectSummary", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.shows(ProjectSummarySchema)
    def get(self, headers: dict[str, Any], project_name_or_id: str) -> ProjectSummary:
        """Get summary of the project."""
        return ProjectService(current_context()).summary(name_or_id(project_name_or_id, is_name=headers["is_name"]))


def _query(parameters: Mapping[str, Any]) -> ListQuery:
    query = list_query(parameters)
    if parameters.get("name"):
        query = query.with_term("name", Fuzzy(text=parameters["name"]))
    if parameters.get("owner"):
        query = query.with_term("owner", Exact(value=parameters["owner"]))
    if "public" in parameters:
        query = query.with_term("public", Exact(value=str(parameters["public"])))
    return query


def _new(body: Mapping[str, Any]) -> NewProject:
    older = {"public": str(body["public"])} if "public" in body else {}
    return NewProject(
        name=body.get("project_name", ""),
        metadata=older | {key: value for key, value in body.get("metadata", {}).items() if value},
        cve_allowlist=body.get("cve_allowlist", {}),
        storage_limit=body.get("storage_limit"),
        registry_id=body.get("registry_id") or None,
    )
