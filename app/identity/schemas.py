"""People as the management API writes them."""

from app.web.fields import Flag, Moment, Number, Part, Text
from app.web.schemas import HarborSchema


class OIDCUserInfoSchema(HarborSchema):
    """What is known of a user from an OIDC provider."""

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
