"""The management API's operations on labels."""

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from app.core.paging import Listed
from app.core.query import Fuzzy
from app.labels.results import LabelView
from app.labels.schemas import LabelListParameters, LabelSchema
from app.labels.service import LabelFields, LabelService
from app.web.blueprint import HarborBlueprint
from app.web.schemas import list_query
from app.web.session import current_context

blueprint = HarborBlueprint("label", __name__)


@blueprint.route("/labels")
class Labels(MethodView):
    """The labels of a project, or the global ones."""

    @blueprint.operation("ListLabels", 400, 401, 500)
    @blueprint.arguments(LabelListParameters, location="query")
    @blueprint.lists(LabelSchema)
    def get(self, parameters: dict[str, Any]) -> Listed[LabelView]:
        """List labels according to the query strings."""
        query, name = list_query(parameters), parameters.get("name")
        query = query.with_term("name", Fuzzy(text=name)) if name else query
        scope, project_id = parameters.get("scope", ""), parameters.get("project_id", 0)
        return LabelService(current_context()).list(scope, project_id, query)

    @blueprint.operation("CreateLabel", 400, 401, 409, 415, 500)
    @blueprint.arguments(LabelSchema)
    @blueprint.creates()
    def post(self, body: dict[str, Any]) -> str:
        """Post creates a label."""
        scope, project_id = body.get("scope", ""), body.get("project_id", 0)
        label_id = LabelService(current_context()).create(scope, project_id, _fields(body))
        return f"/api/v2.0/labels/{label_id}"


@blueprint.route("/labels/<int:label_id>")
class LabelItem(MethodView):
    """One label."""

    @blueprint.operation("GetLabelByID", 401, 404, 500)
    @blueprint.shows(LabelSchema)
    def get(self, label_id: int) -> LabelView:
        """Get the label specified by ID."""
        return LabelService(current_context()).get(label_id)

    @blueprint.operation("UpdateLabel", 400, 401, 404, 409, 500)
    @blueprint.arguments(LabelSchema)
    @blueprint.does()
    def put(self, body: dict[str, Any], label_id: int) -> None:
        """Update the label properties."""
        LabelService(current_context()).update(label_id, _fields(body))

    @blueprint.operation("DeleteLabel", 400, 401, 404, 500)
    @blueprint.does()
    def delete(self, label_id: int) -> None:
        """Delete the label specified by ID."""
        LabelService(current_context()).delete(label_id)


def _fields(body: Mapping[str, Any]) -> LabelFields:
    return LabelFields(name=body.get("name", ""), description=body.get("description", ""), color=body.get("color", ""))
