"""The management API's search."""

from typing import Any

from flask.views import MethodView

from app.search.results import Found
from app.search.schemas import SearchParameters, SearchSchema
from app.search.service import SearchService
from app.web import additions
from app.web.blueprint import HarborBlueprint
from app.web.session import current_context

blueprint = HarborBlueprint("search", __name__)


@blueprint.route("/search", tags=["search"])
class Search(MethodView):
    """Projects and repositories by a part of their name."""

    @blueprint.operation("search", 500)
    @blueprint.arguments(SearchParameters, location="query")
    @blueprint.shows(SearchSchema)
    def get(self, parameters: dict[str, Any]) -> Found:
        """Search for projects, repositories and helm charts."""
        return SearchService(current_context()).find(parameters["q"], extended=additions.asked_for())
