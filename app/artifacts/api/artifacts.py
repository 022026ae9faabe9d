"""The management API's operations on repositories and artifacts."""

from typing import Any
from urllib.parse import quote

from flask.views import MethodView

from app.artifacts.additions import AdditionService
from app.artifacts.api.parts import parts_of
from app.artifacts.copies import CopyService
from app.artifacts.icons.drawings import Icon, icon_or_none
from app.artifacts.processors.processor import Addition, AdditionName
from app.artifacts.schemas import (
    ArtifactListParameters,
    ArtifactParameters,
    ArtifactSchema,
    CopyParameters,
    IconSchema,
    ReportHeaders,
    RepositoryListParameters,
    RepositoryParameters,
    RepositorySchema,
)
from app.artifacts.service import ArtifactService, RepositoryService
from app.artifacts.views import ArtifactView, RepositoryView
from app.core.errors import NotFoundError
from app.core.paging import Listed
from app.web.blueprint import HarborBlueprint
from app.web.schemas import list_query
from app.web.session import current_context

blueprint = HarborBlueprint("artifact", __name__)
_REPOSITORIES = "/projects/<project_name>/repositories"
_REPOSITORY = f"{_REPOSITORIES}/<encoded:repository_name>"
_ARTIFACTS = f"{_REPOSITORY}/artifacts"
_ADDITIONS = f"{_ARTIFACTS}/<reference>/additions"
_NAMES = ",".join(f'"{name}"' for name in AdditionName)


@blueprint.route("/repositories", tags=["repository"])
class AllRepositories(MethodView):
    """The repositories of every project."""

    @blueprint.operation("listAllRepositories", 400, 500)
    @blueprint.arguments(RepositoryListParameters, location="query")
    @blueprint.lists(RepositorySchema)
    def get(self, parameters: dict[str, Any]) -> Listed[RepositoryView]:
        """List all authorized repositories."""
        repositories = RepositoryService(current_context())
        return repositories.list_all(list_query(parameters), with_labels=parameters["with_label"])


@blueprint.route(_REPOSITORIES, tags=["repository"])
class Repositories(MethodView):
    """The repositories of a project."""

    @blueprint.operation("listRepositories", 400, 401, 403, 404, 422, 500)
    @blueprint.arguments(RepositoryListParameters, location="query")
    @blueprint.lists(RepositorySchema)
    def get(self, parameters: dict[str, Any], project_name: str) -> Listed[RepositoryView]:
        """List repositories."""
        repositories = RepositoryService(current_context())
        return repositories.list_in(project_name, list_query(parameters), with_labels=parameters["with_label"])


@blueprint.route(_REPOSITORY, tags=["repository"])
class RepositoryItem(MethodView):
    """One repository."""

    @blueprint.operation("getRepository", 400, 401, 403, 404, 500)
    @blueprint.arguments(RepositoryParameters, location="query")
    @blueprint.shows(RepositorySchema)
    def get(self, parameters: dict[str, Any], project_name: str, repository_name: str) -> RepositoryView:
        """Get repository."""
        repositories = RepositoryService(current_context())
        return repositories.find(project_name, repository_name, with_labels=parameters["with_label"])

    @blueprint.operation("updateRepository", 400, 401, 403, 404, 500)
    @blueprint.arguments(RepositorySchema)
    @blueprint.does()
    def put(self, body: dict[str, Any], project_name: str, repository_name: str) -> None:
        """Update repository."""
        RepositoryService(current_context()).describe(project_name, repository_name, body.get("description", ""))

    @blueprint.operation("deleteRepository", 400, 401, 403, 404, 412, 500)
    @blueprint.does()
    def delete(self, project_name: str, repository_name: str) -> None:
        """Delete repository."""
        RepositoryService(current_context()).delete(project_name, repository_name)


@blueprint.route(_ARTIFACTS)
class Artifacts(MethodView):
    """The artifacts of a repository."""

    @blueprint.operation("listArtifacts", 400, 401, 403, 404, 422, 500)
    @blueprint.arguments(ReportHeaders, location="headers")
    @blueprint.arguments(ArtifactListParameters, location="query")
    @blueprint.lists(ArtifactSchema)
    def get(
        self, _: dict[str, Any], parameters: dict[str, Any], project_name: str, repository_name: str
    ) -> Listed[ArtifactView]:
        """List artifacts."""
        artifacts = ArtifactService(current_context())
        return artifacts.list_in(project_name, repository_name, list_query(parameters), parts_of(parameters))

    @blueprint.operation("CopyArtifact", 400, 401, 403, 404, 405, 500)
    @blueprint.arguments(CopyParameters, location="query")
    @blueprint.creates()
    def post(self, parameters: dict[str, Any], project_name: str, repository_name: str) -> str:
        """Copy artifact."""
        digest = CopyService(current_context()).copy(project_name, repository_name, parameters["source"])
        encoded = quote(quote(repository_name, safe=""), safe="")
        return f"/api/v2.0/projects/{project_name}/repositories/{encoded}/artifacts/{digest}"


@blueprint.route(f"{_ARTIFACTS}/<reference>")
class ArtifactItem(MethodView):
    """One artifact, by tag or digest."""

    @blueprint.operation("getArtifact", 400, 401, 403, 404, 500)
    @blueprint.arguments(ReportHeaders, location="headers")
    @blueprint.arguments(ArtifactParameters, location="query")
    @blueprint.shows(ArtifactSchema, large=True)
    def get(
        self, _: dict[str, Any], parameters: dict[str, Any], project_name: str, repository_name: str, reference: str
    ) -> ArtifactView:
        """Get the specific artifact."""
        return ArtifactService(current_context()).find(project_name, repository_name, reference, parts_of(parameters))

    @blueprint.operation("deleteArtifact", 401, 403, 404, 500)
    @blueprint.does()
    def delete(self, project_name: str, repository_name: str, reference: str) -> None:
        """Delete the specific artifact."""
        ArtifactService(current_context()).delete(project_name, repository_name, reference)


@blueprint.route(f"{_ADDITIONS}/vulnerabilities")
class Vulnerabilities(MethodView):
    """The vulnerability reports of an artifact."""

    @blueprint.operation("getVulnerabilitiesAddition", 400, 401, 403, 404, 500)
    @blueprint.arguments(ReportHeaders, location="headers")
    @blueprint.serves()
    def get(self, _: dict[str, Any], project_name: str, repository_name: str, reference: str) -> Addition:
        """Get the vulnerabilities addition of the specific artifact."""
        return AdditionService(current_context()).vulnerabilities(project_name, repository_name, reference)


@blueprint.route(f"{_ADDITIONS}/<choice({_NAMES}):addition>")
class AdditionItem(MethodView):
    """What is inside an artifact."""

    @blueprint.operation("getAddition", 400, 401, 403, 404, 422, 500)
    @blueprint.serves()
    def get(self, project_name: str, repository_name: str, reference: str, addition: str) -> Addition:
        """Get the addition of the specific artifact."""
        service = AdditionService(current_context())
        return service.find(project_name, repository_name, reference, AdditionName(addition))


@blueprint.route("/icons/<digest>", tags=["icon"])
class IconItem(MethodView):
    """The icon of a type of artifacts."""

    @blueprint.operation("getIcon", 400, 404, 500)
    @blueprint.shows(IconSchema)
    def get(self, digest: str) -> Icon:
        """Get artifact icon."""
        icon = icon_or_none(digest)
        if icon is None:
            raise NotFoundError(f"the icon {digest[:160]} not found")
        return icon
