"""The management API's operations on members of projects."""

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from app.core.paging import Listed
from app.projects.candidates import Candidate
from app.projects.member_schemas import (
    MemberListParameters,
    ProjectMemberEntitySchema,
    ProjectMemberSchema,
    RoleRequestSchema,
)
from app.projects.members import Member, MemberService
from app.projects.schemas import NameHeaders
from app.web.blueprint import HarborBlueprint
from app.web.keys import name_or_id
from app.web.schemas import page_of
from app.web.session import current_context

blueprint = HarborBlueprint("member", __name__)


@blueprint.route("/projects/<project_name_or_id>/members")
class Members(MethodView):
    """The members of a project."""

    @blueprint.operation("listProjectMembers", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(MemberListParameters, location="query")
    @blueprint.lists(ProjectMemberEntitySchema)
    def get(self, headers: dict[str, Any], parameters: dict[str, Any], project_name_or_id: str) -> Listed[Member]:
        """Get all project member information."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        name = parameters.get("entityname", "")
        return MemberService(current_context()).list(key, page_of(parameters), name=name)

    @blueprint.operation("createProjectMember", 400, 401, 403, 409, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(ProjectMemberSchema, required=False)
    @blueprint.creates()
    def post(self, headers: dict[str, Any], body: dict[str, Any], project_name_or_id: str) -> str:
        """Create project member."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        member_id = MemberService(current_context()).add(key, _candidate(body), body.get("role_id", 0))
        return f"/api/v2.0/projects/{key}/members/{member_id}"


@blueprint.route("/projects/<project_name_or_id>/members/<int:mid>")
class MemberItem(MethodView):
    """One member of a project."""

    @blueprint.operation("getProjectMember", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.shows(ProjectMemberEntitySchema)
    def get(self, headers: dict[str, Any], project_name_or_id: str, mid: int) -> Member:
        """Get the project member information."""
        return MemberService(current_context()).get(name_or_id(project_name_or_id, is_name=headers["is_name"]), mid)

    @blueprint.operation("updateProjectMember", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.arguments(RoleRequestSchema, required=False)
    @blueprint.does()
    def put(self, headers: dict[str, Any], body: dict[str, Any], project_name_or_id: str, mid: int) -> None:
        """Update project member."""
        key = name_or_id(project_name_or_id, is_name=headers["is_name"])
        MemberService(current_context()).set_role(key, mid, body.get("role_id", 0))

    @blueprint.operation("deleteProjectMember", 400, 401, 403, 404, 500)
    @blueprint.arguments(NameHeaders, location="headers")
    @blueprint.does()
    def delete(self, headers: dict[str, Any], project_name_or_id: str, mid: int) -> None:
        """Delete project member."""
        MemberService(current_context()).remove(name_or_id(project_name_or_id, is_name=headers["is_name"]), mid)


def _candidate(body: Mapping[str, Any]) -> Candidate:
    user, group = body.get("member_user", {}), body.get("member_group", {})
    return Candidate(
        user_id=user.get("user_id", 0),
        username=user.get("username", ""),
        group_id=group.get("id", 0),
        ldap_group_dn=group.get("ldap_group_dn", ""),
        group_name=group.get("group_name", ""),
        group_type=group.get("group_type", 0),
    )
