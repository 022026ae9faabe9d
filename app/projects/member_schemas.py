"""Members and permissions as the management API writes them."""

from marshmallow import fields

from app.identity.schemas import UserGroupSchema
from app.web.fields import Number, Part, Switch, Text
from app.web.schemas import HarborSchema, PageParameters, ParameterSchema


class UserEntitySchema(HarborSchema):
    """A user that is to be a member."""

    user_id = Number(form=None)
    username = Text()


class ProjectMemberSchema(HarborSchema):
    """Who is to be a member, in which role."""

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
    """The role that a member is to have."""

    role_id = Number(form=None)


class MemberListParameters(PageParameters):
    """What the list of members may be asked for."""

    entityname = fields.String()


class PermissionSchema(HarborSchema):
    """Something that may be done."""

    resource = Text()
    action = Text()


class PermissionParameters(ParameterSchema):
    """Where permissions are asked for, and whether they are written without that prefix."""

    scope = fields.String()
    relative = Switch()
