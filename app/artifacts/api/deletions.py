"""The management API's operations on deletion jobs, which Harbor does not have."""

from typing import Any

from flask.views import MethodView

from app.artifacts.deletion_jobs import Chosen, DeletionRef, DeletionService
from app.artifacts.deletion_schemas import ChosenSchema, DeletionSchema, DeletionTaskSchema
from app.core.paging import Listed
from app.jobs.task_service import TaskRef
from app.web.blueprint import HarborBlueprint
from app.web.schemas import ListParameters, list_query
from app.web.session import current_context

blueprint = HarborBlueprint("deletion", __name__)
_DELETIONS = "/projects/<project_name>/deletions"


@blueprint.route("/projects/<project_name>/repositories/<encoded:repository_name>/artifacts/_delete")
class ChosenDeletion(MethodView):
    """The deletion of chosen tags and artifacts of a repository."""

    @blueprint.operation("deleteArtifacts", 400, 401, 403, 404, 500)
    @blueprint.arguments(ChosenSchema)
    @blueprint.creates()
    def post(self, body: dict[str, Any], project_name: str, repository_name: str) -> str:
        """Delete the chosen tags and artifacts in a job."""
        chosen = Chosen(tags=body.get("tags", ()), artifacts=body.get("artifacts", ()))
        started = DeletionService(current_context()).request(project_name, repository_name, chosen)
        return f"/api/v2.0/projects/{project_name}/deletions/{started}"


@blueprint.route(_DELETIONS)
class Deletions(MethodView):
    """The deletion jobs of a project."""

    @blueprint.operation("listDeletions", 400, 401, 403, 404, 500)
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(DeletionSchema)
    def get(self, parameters: dict[str, Any], project_name: str) -> Listed[DeletionRef]:
        """List the deletion jobs."""
        return DeletionService(current_context()).list_in(project_name, list_query(parameters))


@blueprint.route(f"{_DELETIONS}/<int:deletion_id>")
class DeletionItem(MethodView):
    """One deletion job."""

    @blueprint.operation("getDeletion", 401, 403, 404, 500)
    @blueprint.shows(DeletionSchema)
    def get(self, project_name: str, deletion_id: int) -> DeletionRef:
        """Get the deletion job."""
        return DeletionService(current_context()).find(project_name, deletion_id)

    @blueprint.operation("stopDeletion", 400, 401, 403, 404, 500, while_read_only=True)
    @blueprint.does()
    def put(self, project_name: str, deletion_id: int) -> None:
        """Stop the deletion job."""
        DeletionService(current_context()).stop(project_name, deletion_id)


@blueprint.route(f"{_DELETIONS}/<int:deletion_id>/tasks")
class DeletionTasks(MethodView):
    """The report of a deletion job."""

    @blueprint.operation("listDeletionTasks", 400, 401, 403, 404, 500)
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(DeletionTaskSchema)
    def get(self, parameters: dict[str, Any], project_name: str, deletion_id: int) -> Listed[TaskRef]:
        """List what the job deletes, with the reason of what was not deleted."""
        return DeletionService(current_context()).tasks(project_name, deletion_id, list_query(parameters))
