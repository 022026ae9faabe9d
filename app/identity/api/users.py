"""The management API's operations on people."""

from flask.views import MethodView

from app.access.principals import PrincipalKind
from app.core.errors import PreconditionError
from app.identity.schemas import UserRespSchema
from app.identity.service import Account, UserService
from app.web.blueprint import HarborBlueprint
from app.web.session import require_somebody

blueprint = HarborBlueprint("user", __name__)


@blueprint.route("/users/current")
class CurrentUser(MethodView):
    """The caller."""

    @blueprint.operation("getCurrentUserInfo", 401, 412, 500)
    @blueprint.shows(UserRespSchema)
    def get(self) -> Account:
        """Get current user info."""
        ctx = require_somebody()
        if ctx.principal.kind is not PrincipalKind.USER:
            raise PreconditionError("get current user not available for security context: robot")
        return UserService(ctx).get(ctx.principal.id)
