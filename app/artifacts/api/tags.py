"""The management API's operations on the tags of an artifact."""

from typing import Any, Final
from urllib.parse import quote

from flask.views import MethodView

from app.artifacts.artifact_tags import ArtifactTagService
from app.artifacts.immutable_tags import STATUS
from app.artifacts.schemas import NewTagSchema, TagListParameters, TagSchema
from app.artifacts.views import TagView
from app.core.paging import Listed
from app.web.blueprint import HarborBlueprint
from app.web.schemas import list_query
from app.web.session import current_context

blueprint = HarborBlueprint("artifact_tag", __name__)
_TAGS: Final = "/projects/<project_name>/repositories/<encoded:repository_name>/artifacts/<reference>/tags"


@blueprint.route(_TAGS, tags=["artifact"])
class ArtifactTags(MethodView):
    """The tags of an artifact."""

    @blueprint.operation("listTags", 400, 401, 403, 404, 422, 500)
    @blueprint.arguments(TagListParameters, location="query")
    @blueprint.lists(TagSchema)
    def get(
        self, parameters: dict[str, Any], project_name: str, repository_name: str, reference: str
    ) -> Listed[TagView]:
        """List tags."""
        query, marks = list_query(parameters), parameters[STATUS]
        tags = ArtifactTagService(current_context())
        return tags.list(project_name, repository_name, reference, query, with_immutable=marks)

    @blueprint.operation("createTag", 400, 401, 403, 404, 405, 409, 500)
    @blueprint.arguments(NewTagSchema)
    @blueprint.creates()
    def post(self, body: dict[str, Any], project_name: str, repository_name: str, reference: str) -> str:
        """Create tag."""
        ArtifactTagService(current_context()).create(project_name, repository_name, reference, body["name"])
        encoded = quote(quote(repository_name, safe=""), safe="")
        place = f"/api/v2.0/projects/{project_name}/repositories/{encoded}/artifacts"
        return f"{place}/{quote(reference, safe=':')}/tags/{body['name']}"


@blueprint.route(f"{_TAGS}/<tag_name>", tags=["artifact"])
class ArtifactTagItem(MethodView):
    """One tag of an artifact."""

    @blueprint.operation("deleteTag", 401, 403, 404, 500)
    @blueprint.does()
    def delete(self, project_name: str, repository_name: str, reference: str, tag_name: str) -> None:
        """Delete tag."""
        ArtifactTagService(current_context()).delete(project_name, repository_name, reference, tag_name)
