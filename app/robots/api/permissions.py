"""The management API's operation on what robots may be granted."""

from flask.views import MethodView

from app.robots.permissions import Grantable, grantable
from app.robots.schemas import PermissionsSchema
from app.web.blueprint import HarborBlueprint
from app.web.session import current_context

blueprint = HarborBlueprint("permissions", __name__)


@blueprint.route("/permissions")
class Permissions(MethodView):
    """What robots may be granted."""

    @blueprint.operation("getPermissions", 401, 403, 404, 500)
    @blueprint.shows(PermissionsSchema)
    def get(self) -> Grantable:
        """Get system or project level permissions info."""
        return grantable(current_context())
