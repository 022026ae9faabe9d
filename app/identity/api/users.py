"""The management API's operations on user accounts."""

from collections.abc import Mapping
from typing import Any

from flask import request
from flask.views import MethodView

from app.core.errors import PreconditionError
from app.core.paging import Listed
from app.core.query import Fuzzy, ListQuery
from app.identity.profiles import NewUser, Profile
from app.identity.results import Account, Named
from app.identity.schemas import (
    OIDCCliSecretReqSchema,
    PasswordReqSchema,
    UserCreationReqSchema,
    UserProfileSchema,
    UserRespSchema,
    UserSearchParameters,
    UserSearchRespItemSchema,
    UserSysAdminFlagSchema,
)
from app.identity.service import UserService
from app.web import csrf
from app.web.blueprint import HarborBlueprint
from app.web.schemas import ListParameters, list_query, page_of
from app.web.session import authenticated_context, current_context

blueprint = HarborBlueprint("user", __name__)
_USER_ID = {"in": "path", "name": "user_id", "required": True, "type": "integer", "format": "int"}


@blueprint.route("/users")
class Users(MethodView):
    """All accounts."""

    @blueprint.operation("listUsers", 401, 403, 500)
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(UserRespSchema)
    def get(self, parameters: dict[str, Any]) -> Listed[Account]:
        """List users."""
        return UserService(current_context()).list(_query(parameters))

    @blueprint.operation("createUser", 400, 401, 403, 409, 500)
    @blueprint.arguments(UserCreationReqSchema)
    @blueprint.creates()
    def post(self, body: dict[str, Any]) -> str:
        """Create a local user."""
        new = NewUser(username=body.get("username", ""), password=body.get("password", ""), **_profile(body))
        account = UserService(current_context()).create(new, from_page=csrf.carried())
        return f"/api/v2.0/users/{account.id}"


@blueprint.route("/users/current")
class CurrentUser(MethodView):
    """The caller."""

    @blueprint.operation("getCurrentUserInfo", 401, 412, 500)
    @blueprint.shows(UserRespSchema)
    def get(self) -> Account:
        """Get current user info."""
        return UserService(authenticated_context()).current()


@blueprint.route("/users/search")
class UserSearch(MethodView):
    """Accounts by a part of their name."""

    @blueprint.operation("searchUsers", 401, 500)
    @blueprint.arguments(UserSearchParameters, location="query")
    @blueprint.lists(UserSearchRespItemSchema)
    def get(self, parameters: dict[str, Any]) -> Listed[Named]:
        """Search users by username."""
        return UserService(current_context()).search(parameters["username"], page_of(parameters))


@blueprint.route("/users/<int:user_id>", parameters=[_USER_ID])
class UserItem(MethodView):
    """One account."""

    @blueprint.operation("getUser", 401, 403, 404, 500)
    @blueprint.shows(UserRespSchema)
    def get(self, user_id: int) -> Account:
        """Get a user's profile."""
        return UserService(current_context()).get(user_id)

    @blueprint.operation("updateUserProfile", 400, 401, 403, 404, 500)
    @blueprint.arguments(UserProfileSchema)
    @blueprint.does()
    def put(self, body: dict[str, Any], user_id: int) -> None:
        """Update user's profile."""
        UserService(current_context()).change_profile(user_id, Profile(**_profile(body)))

    @blueprint.operation("deleteUser", 401, 403, 404, 500)
    @blueprint.does()
    def delete(self, user_id: int) -> None:
        """Mark a registered user as be removed."""
        UserService(current_context()).delete(user_id)


@blueprint.route("/users/<int:user_id>/sysadmin", parameters=[_USER_ID])
class SystemAdministrator(MethodView):
    """Whether an account administers the system."""

    @blueprint.operation("setUserSysAdmin", 401, 403, 404, 500)
    @blueprint.arguments(UserSysAdminFlagSchema)
    @blueprint.does()
    def put(self, body: dict[str, Any], user_id: int) -> None:
        """Update a registered user to change to be an administrator of Harbor."""
        UserService(current_context()).set_sysadmin(user_id, sysadmin=body.get("sysadmin_flag", False))


@blueprint.route("/users/<int:user_id>/password", parameters=[_USER_ID])
class Password(MethodView):
    """An account's password."""

    @blueprint.operation("updateUserPassword", 400, 401, 403, 500)
    @blueprint.arguments(PasswordReqSchema)
    @blueprint.does()
    def put(self, body: dict[str, Any], user_id: int) -> None:
        """Change the password on a user that already exists."""
        old, new = body.get("old_password", ""), body.get("new_password", "")
        UserService(current_context()).set_password(user_id, new, old=old)


@blueprint.route("/users/<int:user_id>/cli_secret", parameters=[_USER_ID])
class CliSecret(MethodView):
    """The CLI secret of an account, for programs where people log in by OIDC."""

    @blueprint.operation("setCliSecret", 400, 401, 403, 404, 412, 500)
    @blueprint.arguments(OIDCCliSecretReqSchema)
    @blueprint.does()
    def put(self, body: dict[str, Any], user_id: int) -> None:  # noqa: ARG002 - accounts of the database have none
        """Set CLI secret for a user."""
        raise PreconditionError("unable to update CLI secret under authmode: db_auth")


def _query(parameters: Mapping[str, Any]) -> ListQuery:
    """Return the query with the filters ``username`` and ``email``, which Harbor takes beside ``q`` undocumented."""
    query = list_query(parameters)
    for key in ("username", "email"):
        if part := request.args.get(key):
            query = query.with_term(key, Fuzzy(text=part))
    return query


def _profile(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body.get(key, "") for key in ("email", "realname", "comment")}
