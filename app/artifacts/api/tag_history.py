"""The management API's operations on the history of tags, which Harbor does not have."""

from typing import Any

from flask.views import MethodView

from app.artifacts.history_schemas import TagRecordSchema
from app.artifacts.tag_records import TagHistoryService, TagRecordView
from app.core.paging import Listed
from app.core.query import ListQuery
from app.web.blueprint import HarborBlueprint
from app.web.schemas import PageParameters, list_query
from app.web.session import current_context

blueprint = HarborBlueprint("tag_history", __name__)
_HISTORY = "/projects/<project_name>/repositories/<encoded:repository_name>/tags/<tag_name>/history"


@blueprint.route(_HISTORY, tags=["artifact"])
class TagHistory(MethodView):
    """The history of a tag."""

    @blueprint.operation("listTagHistory", 400, 401, 403, 404, 500)
    @blueprint.arguments(PageParameters, location="query")
    @blueprint.lists(TagRecordSchema)
    def get(
        self, parameters: dict[str, Any], project_name: str, repository_name: str, tag_name: str
    ) -> Listed[TagRecordView]:
        """List what the tag pointed at, newest first."""
        query: ListQuery = list_query(parameters)
        return TagHistoryService(current_context()).list_of(project_name, repository_name, tag_name, query)


@blueprint.route(f"{_HISTORY}/<int:record_id>/restore", tags=["artifact"])
class TagRestoration(MethodView):
    """The restoration of a tag."""

    @blueprint.operation("restoreTag", 401, 403, 404, 412, 500)
    @blueprint.does()
    def post(self, project_name: str, repository_name: str, tag_name: str, record_id: int) -> None:
        """Point the tag at what it pointed at then."""
        TagHistoryService(current_context()).restore(project_name, repository_name, tag_name, record_id)
