"""Members and permissions in the form of the management API."""

from marshmallow import fields

from app.identity.schemas import UserGroupSchema
from app.web.fields import Number, Part, Switch, Text
from app.web.schemas import HarborSchema, PageParameters, ParameterSchema


class UserEntitySchema(HarborSchema):
    """A user to add as a member."""

    user_id = Number(form=None)
    username = Text()


class ProjectMemberSchema(HarborSchema):
    """A user or group to add as a member, with its role."""

    role_id = Number(form=None)
    member_user = Part(UserEntitySchema)
    member_group = Part(UserGroupSchema)


class ProjectMemberEntitySchema(HarborSchema):
    """A member of a project."""

    id = Number(form=None)
    project_id = Number(form=None)
    entity_name = Text()
    role_name = Text()
    role_id = Number(form=None, attribute="role")
    entity_id = Number(form=None)
    entity_type = Text()


class RoleRequestSchema(HarborSchema):
    """The new role of a member."""

    role_id = Number(form=None)


class MemberListParameters(PageParameters):
    """The query parameters of the list of members."""

    entityname = fields.String()


class PermissionSchema(HarborSchema):
    """A permission: a resource and an action."""

    resource = Text()
    action = Text()


class PermissionParameters(ParameterSchema):
    """The query parameters of permissions: the scope, and whether resources are written without that prefix."""

    scope = fields.String()
    relative = Switch()
