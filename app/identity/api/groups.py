"""The management API's operations on user groups."""

from typing import Any

from flask.views import MethodView

from app.core.paging import Listed
from app.identity.groups import Group, GroupService
from app.identity.schemas import (
    GroupListParameters,
    GroupSearchParameters,
    UserGroupSchema,
    UserGroupSearchItemSchema,
)
from app.web.blueprint import HarborBlueprint
from app.web.schemas import page_of
from app.web.session import current_context

blueprint = HarborBlueprint("usergroup", __name__)


@blueprint.route("/usergroups")
class UserGroups(MethodView):
    """All groups."""

    @blueprint.operation("listUserGroups", 401, 403, 500)
    @blueprint.arguments(GroupListParameters, location="query")
    @blueprint.lists(UserGroupSchema)
    def get(self, parameters: dict[str, Any]) -> Listed[Group]:
        """Get all user groups information."""
        name, ldap_group_dn = parameters.get("group_name", ""), parameters.get("ldap_group_dn", "")
        return GroupService(current_context()).list(page_of(parameters), name=name, ldap_group_dn=ldap_group_dn)

    @blueprint.operation("createUserGroup", 400, 401, 403, 409, 500)
    @blueprint.arguments(UserGroupSchema, required=False)
    @blueprint.creates()
    def post(self, body: dict[str, Any]) -> str:
        """Create user group."""
        group_id = GroupService(current_context()).create(body.get("group_name", ""), body.get("group_type", 0))
        return f"/api/v2.0/usergroups/{group_id}"


@blueprint.route("/usergroups/search")
class UserGroupSearch(MethodView):
    """Groups by a part of their name."""

    @blueprint.operation("searchUserGroups", 401, 409, 500)
    @blueprint.arguments(GroupSearchParameters, location="query")
    @blueprint.lists(UserGroupSearchItemSchema)
    def get(self, parameters: dict[str, Any]) -> Listed[Group]:
        """Search groups by groupname."""
        return GroupService(current_context()).search(parameters["groupname"], page_of(parameters))


@blueprint.route("/usergroups/<int:group_id>")
class UserGroupItem(MethodView):
    """One group."""

    @blueprint.operation("getUserGroup", 400, 401, 403, 404, 500)
    @blueprint.shows(UserGroupSchema)
    def get(self, group_id: int) -> Group:
        """Get user group information."""
        return GroupService(current_context()).get(group_id)

    @blueprint.operation("updateUserGroup", 400, 401, 403, 404, 500)
    @blueprint.arguments(UserGroupSchema, required=False)
    @blueprint.does()
    def put(self, body: dict[str, Any], group_id: int) -> None:
        """Update group information."""
        GroupService(current_context()).rename(group_id, body.get("group_name", ""))

    @blueprint.operation("deleteUserGroup", 400, 401, 403, 500)
    @blueprint.does()
    def delete(self, group_id: int) -> None:
        """Delete user group."""
        GroupService(current_context()).delete(group_id)
