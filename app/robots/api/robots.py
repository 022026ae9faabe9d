"""The management API's operations on robots, and on the permissions that robots may be granted."""

from typing import Any

from flask.views import MethodView

from app.core.paging import Listed
from app.robots.credentials import SecretRotation
from app.robots.grants import Grantable
from app.robots.results import CreatedRobot, RobotView
from app.robots.schemas import (
    PermissionsSchema,
    RefreshParameters,
    RobotCreatedSchema,
    RobotCreateSchema,
    RobotSchema,
    RobotSecSchema,
)
from app.robots.service import NewRobot, RobotChange, RobotService
from app.web.blueprint import HarborBlueprint
from app.web.schemas import ListParameters, list_query
from app.web.session import current_context

blueprint = HarborBlueprint("robot", __name__)
grantable = HarborBlueprint("permissions", __name__)


@blueprint.route("/robots")
class Robots(MethodView):
    """The robots of the system, or of a project that the query names."""

    @blueprint.operation("ListRobot", 400, 404, 500)
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(RobotSchema)
    def get(self, parameters: dict[str, Any]) -> Listed[RobotView]:
        """Get robot account."""
        return RobotService(current_context()).list(list_query(parameters))

    @blueprint.operation("CreateRobot", 400, 401, 403, 404, 500)
    @blueprint.arguments(RobotCreateSchema)
    @blueprint.creates_shown(RobotCreatedSchema)
    def post(self, body: dict[str, Any]) -> tuple[str, CreatedRobot]:
        """Create a robot account."""
        new = NewRobot(
            name=body["name"],
            level=body["level"],
            permissions=body["permissions"],
            description=body["description"],
            duration=body["duration"],
            disabled=body["disable"],
        )
        created = RobotService(current_context()).create(new)
        return f"/api/v2.0/robots/{created.id}", created


@blueprint.route("/robots/<int:robot_id>")
class RobotItem(MethodView):
    """One robot."""

    @blueprint.operation("GetRobotByID", 401, 403, 404, 500)
    @blueprint.shows(RobotSchema)
    def get(self, robot_id: int) -> RobotView:
        """Get a robot account."""
        return RobotService(current_context()).get(robot_id)

    @blueprint.operation("UpdateRobot", 400, 401, 403, 404, 409, 500)
    @blueprint.arguments(RobotSchema)
    @blueprint.does()
    def put(self, body: dict[str, Any], robot_id: int) -> None:
        """Update a robot account."""
        change = RobotChange(
            name=body["name"],
            level=body["level"],
            permissions=body["permissions"],
            description=body["description"],
            duration=body.get("duration"),
            disabled=body["disable"],
        )
        RobotService(current_context()).update(robot_id, change)

    @blueprint.operation("RefreshSec", 400, 401, 403, 404, 500)
    @blueprint.arguments(RefreshParameters, location="query")
    @blueprint.arguments(RobotSecSchema)
    @blueprint.shows(RobotSecSchema)
    def patch(self, parameters: dict[str, Any], body: dict[str, Any], robot_id: int) -> dict[str, str | None]:
        """Refresh the robot secret."""
        grace = body.get("grace_period", parameters["grace_period"])
        return {"secret": SecretRotation(current_context()).refresh(robot_id, body["secret"], grace=grace)}

    @blueprint.operation("DeleteRobot", 400, 401, 403, 404, 500)
    @blueprint.does()
    def delete(self, robot_id: int) -> None:
        """Delete a robot account."""
        RobotService(current_context()).delete(robot_id)


@grantable.route("/permissions")
class Permissions(MethodView):
    """The permissions that robots may be granted."""

    @grantable.operation("getPermissions", 401, 403, 404, 500)
    @grantable.shows(PermissionsSchema)
    def get(self) -> Grantable:
        """Get system or project level permissions info."""
        return RobotService(current_context()).grantable()
