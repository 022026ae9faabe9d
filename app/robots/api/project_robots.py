"""The operations on a project's robots in the form of Harbor before 2.13, for older clients."""

from typing import Any

from flask.views import MethodView

from app.core.paging import Listed
from app.projects.schemas import NameHeaders
from app.robots.results import CreatedRobot, RobotView
from app.robots.schemas import RobotCreatedSchema, RobotCreateV1Schema, RobotSchema
from app.robots.service import OldRobot, RobotService
from app.web.blueprint import HarborBlueprint
from app.web.keys import name_or_id
from app.web.schemas import ListParameters, list_query
from app.web.session import current_context

blueprint = HarborBlueprint("robotv1", __name__)


@blueprint.route("/projects/<project_name_or_id>/robots")
class ProjectRobots(MethodView):
    """The robots of one project."""

    @blueprint.operation("ListRobotV1", 400, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(RobotSchema)
    def get(self, headers: dict[str, Any], parameters: dict[str, Any], project_name_or_id: str) -> Listed[RobotView]:
        """Get all robot accounts of specified project."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        return RobotService(current_context()).list_of(key, list_query(parameters))

    @blueprint.operation("CreateRobotV1", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(RobotCreateV1Schema)
    @blueprint.creates_shown(RobotCreatedSchema)
    def post(self, headers: dict[str, Any], body: dict[str, Any], project_name_or_id: str) -> tuple[str, CreatedRobot]:
        """Create a robot account."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        created = RobotService(current_context()).create_in(key, OldRobot(**body))
        return f"/api/v2.0/projects/{key}/robots/{created.id}", created


@blueprint.route("/projects/<project_name_or_id>/robots/<int:robot_id>")
class ProjectRobotItem(MethodView):
    """One robot of a project."""

    @blueprint.operation("GetRobotByIDV1", 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.shows(RobotSchema)
    def get(self, headers: dict[str, Any], project_name_or_id: str, robot_id: int) -> RobotView:
        """Get a robot account."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        return RobotService(current_context()).get(robot_id, project_key=key)

    @blueprint.operation("UpdateRobotV1", 400, 401, 403, 404, 409, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(RobotSchema)
    @blueprint.does()
    def put(self, headers: dict[str, Any], body: dict[str, Any], project_name_or_id: str, robot_id: int) -> None:
        """Update status of robot account."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        RobotService(current_context()).switch(robot_id, body["description"], disabled=body["disable"], project_key=key)

    @blueprint.operation("DeleteRobotV1", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.does()
    def delete(self, headers: dict[str, Any], project_name_or_id: str, robot_id: int) -> None:
        """Delete a robot account."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        RobotService(current_context()).delete(robot_id, project_key=key)
