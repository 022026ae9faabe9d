"""User accounts and user groups in the form of the management API."""

from marshmallow import ValidationError, fields, validate

from app.web.fields import Flag, Moment, Number, Part, Text
from app.web.schemas import HarborSchema, PageParameters

_TEXT_LIMIT = 255


def _given(text: str) -> None:
    if not text:
        raise ValidationError("the value is required")


class OIDCUserInfoSchema(HarborSchema):
    """The OIDC attributes of a user."""

    id = Number(form="int")
    user_id = Number(form="int")
    subiss = Text()
    secret = Text()
    creation_time = Moment()
    update_time = Moment()


class UserRespSchema(HarborSchema):
    """A user account."""

    email = Text()
    realname = Text()
    comment = Text()
    user_id = Number(form="int", attribute="id")
    username = Text()
    sysadmin_flag = Flag(keep=True, attribute="sysadmin")
    admin_role_in_auth = Flag(keep=True)
    oidc_user_meta = Part(OIDCUserInfoSchema)
    creation_time = Moment()
    update_time = Moment()


class UserGroupSchema(HarborSchema):
    """A user group."""

    id = Number(form=None)
    group_name = Text()
    group_type = Number(form=None)
    ldap_group_dn = Text()


class UserGroupSearchItemSchema(HarborSchema):
    """A user group as every account may see it."""

    id = Number(form=None)
    group_name = Text()
    group_type = Number(form=None)


class UserSearchRespItemSchema(HarborSchema):
    """A user account as every other account may see it."""

    user_id = Number(form="int", attribute="id")
    username = Text()


class UserCreationReqSchema(HarborSchema):
    """An account to create."""

    email = Text(validate=validate.Length(max=_TEXT_LIMIT))
    realname = Text()
    comment = Text()
    password = Text()
    username = Text(validate=validate.Length(max=_TEXT_LIMIT))


class UserProfileSchema(HarborSchema):
    """The profile of an account."""

    email = Text()
    realname = Text()
    comment = Text()


class UserSysAdminFlagSchema(HarborSchema):
    """Whether an account administers the system."""

    sysadmin_flag = Flag()


class PasswordReqSchema(HarborSchema):
    """A change of password."""

    old_password = Text()
    new_password = Text()


class OIDCCliSecretReqSchema(HarborSchema):
    """A CLI secret, for programs where people log in by OIDC."""

    secret = Text()


class UserSearchParameters(PageParameters):
    """The query parameters of the user search."""

    username = fields.String(required=True, validate=_given)


class GroupListParameters(PageParameters):
    """The query parameters of the list of groups."""

    ldap_group_dn = fields.String()
    group_name = fields.String()


class GroupSearchParameters(PageParameters):
    """The query parameters of the group search."""

    groupname = fields.String(required=True, validate=_given)
