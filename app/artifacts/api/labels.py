"""The management API's operations on labels of artifacts and repositories."""

from collections.abc import Sequence
from typing import Any

from flask.views import MethodView

from app.artifacts.labels import ArtifactLabelService, RepositoryLabelService
from app.labels.results import LabelView
from app.labels.schemas import LabelSchema
from app.web.blueprint import HarborBlueprint
from app.web.session import current_context

blueprint = HarborBlueprint("artifact_label", __name__)
_REPOSITORY = "/projects/<project_name>/repositories/<encoded:repository_name>"
_LABELS = f"{_REPOSITORY}/artifacts/<reference>/labels"


@blueprint.route(_LABELS, tags=["artifact"])
class ArtifactLabels(MethodView):
    """The labels of an artifact."""

    @blueprint.operation("addLabel", 400, 401, 403, 404, 409, 500)
    @blueprint.arguments(LabelSchema)
    @blueprint.does()
    def post(self, body: dict[str, Any], project_name: str, repository_name: str, reference: str) -> None:
        """Add label to artifact."""
        labels = ArtifactLabelService(current_context())
        labels.add(project_name, repository_name, reference, body.get("id", 0))


@blueprint.route(f"{_LABELS}/<int:label_id>", tags=["artifact"])
class ArtifactLabelItem(MethodView):
    """One label of an artifact."""

    @blueprint.operation("removeLabel", 401, 403, 404, 409, 500)
    @blueprint.does()
    def delete(self, project_name: str, repository_name: str, reference: str, label_id: int) -> None:
        """Remove label from artifact."""
        ArtifactLabelService(current_context()).remove(project_name, repository_name, reference, label_id)


@blueprint.route(f"{_REPOSITORY}/labels", tags=["repository"])
class RepositoryLabels(MethodView):
    """The labels of a repository."""

    @blueprint.operation("listRepositoryLabels", 401, 403, 404, 500)
    @blueprint.shows(LabelSchema, many=True)
    def get(self, project_name: str, repository_name: str) -> Sequence[LabelView]:
        """List the labels of the repository."""
        return RepositoryLabelService(current_context()).list(project_name, repository_name)

    @blueprint.operation("addRepositoryLabel", 400, 401, 403, 404, 409, 500)
    @blueprint.arguments(LabelSchema)
    @blueprint.does()
    def post(self, body: dict[str, Any], project_name: str, repository_name: str) -> None:
        """Add a label to the repository."""
        RepositoryLabelService(current_context()).add(project_name, repository_name, body.get("id", 0))


@blueprint.route(f"{_REPOSITORY}/labels/<int:label_id>", tags=["repository"])
class RepositoryLabelItem(MethodView):
    """One label of a repository."""

    @blueprint.operation("removeRepositoryLabel", 401, 403, 404, 500)
    @blueprint.does()
    def delete(self, project_name: str, repository_name: str, label_id: int) -> None:
        """Remove a label from the repository."""
        RepositoryLabelService(current_context()).remove(project_name, repository_name, label_id)
