"""The management API's operations on immutability rules."""

from typing import Any

from flask.views import MethodView

from app.core.paging import Listed
from app.immutability.results import RuleView, Verdict
from app.immutability.schemas import ImmutabilityVerdictSchema, ImmutableRuleSchema, TriedTagParameters
from app.immutability.service import ImmutabilityService
from app.projects.schemas import NameHeaders
from app.web.blueprint import HarborBlueprint
from app.web.keys import name_or_id
from app.web.schemas import ListParameters, list_query
from app.web.session import current_context

blueprint = HarborBlueprint("immutable", __name__)
_RULES = "/projects/<project_name_or_id>/immutabletagrules"


@blueprint.route(_RULES)
class ImmutableRules(MethodView):
    """The immutability rules of a project."""

    @blueprint.operation("ListImmuRules", 400, 401, 403, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(ImmutableRuleSchema)
    def get(self, headers: dict[str, Any], parameters: dict[str, Any], project_name_or_id: str) -> Listed[RuleView]:
        """List all immutable tag rules of current project."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        return ImmutabilityService(current_context()).list(key, list_query(parameters))

    @blueprint.operation("CreateImmuRule", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(ImmutableRuleSchema)
    @blueprint.creates()
    def post(self, headers: dict[str, Any], body: dict[str, Any], project_name_or_id: str) -> str:
        """Add an immutable tag rule to current project."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        rule_id = ImmutabilityService(current_context()).create(key, body)
        return f"/api/v2.0/projects/{project_name_or_id}/immutabletagrules/{rule_id}"


@blueprint.route(f"{_RULES}/<int:immutable_rule_id>")
class ImmutableRuleItem(MethodView):
    """One immutability rule."""

    @blueprint.operation("UpdateImmuRule", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(ImmutableRuleSchema)
    @blueprint.does()
    def put(
        self, headers: dict[str, Any], body: dict[str, Any], project_name_or_id: str, immutable_rule_id: int
    ) -> None:
        """Update the immutable tag rule or enable or disable the rule."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        ImmutabilityService(current_context()).update(key, immutable_rule_id, body)

    @blueprint.operation("DeleteImmuRule", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.does()
    def delete(self, headers: dict[str, Any], project_name_or_id: str, immutable_rule_id: int) -> None:
        """Delete the immutable tag rule."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        ImmutabilityService(current_context()).delete(key, immutable_rule_id)


@blueprint.route(f"{_RULES}/_test")
class ImmutableRuleTest(MethodView):
    """Whether a tag would be protected."""

    @blueprint.operation("TestImmuRules", 400, 401, 403, 404, 422, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(TriedTagParameters, location="query")
    @blueprint.shows(ImmutabilityVerdictSchema)
    def get(self, headers: dict[str, Any], tried: dict[str, Any], project_name_or_id: str) -> Verdict:
        """Tell whether a tag would be immutable, and by which rules."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        return ImmutabilityService(current_context()).test(key, tried["repository"], tried["tag"])
