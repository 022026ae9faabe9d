"""The management API's operation on the caller's own permissions."""

from typing import Any

from flask.views import MethodView

from app.projects.held_permissions import HeldPermission, HeldPermissionService, relative_to
from app.projects.member_schemas import PermissionParameters, PermissionSchema
from app.web.blueprint import HarborBlueprint
from app.web.session import authenticated_context

blueprint = HarborBlueprint("current_permissions", __name__)


@blueprint.route("/users/current/permissions")
class CurrentPermissions(MethodView):
    """The caller's permissions."""

    @blueprint.operation("getCurrentUserPermissions", 401, 500, tag="user")
    @blueprint.arguments(PermissionParameters, location="query")
    @blueprint.shows(PermissionSchema, many=True)
    def get(self, parameters: dict[str, Any]) -> list[HeldPermission]:
        """Get current user permissions."""
        scope = parameters.get("scope", "")
        held = HeldPermissionService(authenticated_context()).held(scope)
        return relative_to(scope, held) if parameters.get("relative") else held
