"""Robots in the form of the management API."""

from typing import Any

from marshmallow import post_load, validate

from app.projects.member_schemas import PermissionSchema
from app.robots.grants import GrantedAction, SpacePermission
from app.web.fields import Flag, Moment, Number, Parts, Text
from app.web.schemas import HarborSchema, ParameterSchema


class AccessSchema(HarborSchema):
    """An action on a kind of resource."""

    resource = Text(load_default="")
    action = Text(load_default="")
    effect = Text(load_default="")

    @post_load
    def _access(self, loaded: dict[str, str], **_: Any) -> GrantedAction:  # noqa: ANN401 - marshmallow's
        return GrantedAction(**loaded)


class RobotPermissionSchema(HarborSchema):
    """The permissions of a robot in one namespace."""

    kind = Text(load_default="")
    namespace = Text(load_default="")
    access = Parts(AccessSchema, load_default=())

    @post_load
    def _permission(self, loaded: dict[str, Any], **_: Any) -> SpacePermission:  # noqa: ANN401 - marshmallow's
        return SpacePermission(**loaded | {"access": tuple(loaded["access"])})


class RobotSchema(HarborSchema):
    """A robot account."""

    id = Number()
    name = Text(load_default="")
    description = Text(load_default="")
    secret = Text()
    level = Text(load_default="")
    duration = Number(nullable=True)
    editable = Flag(keep=True)
    disable = Flag(keep=True, load_default=False)
    expires_at = Number()
    expired = Flag(keep=True, ours=True)
    """Whether the robot has expired."""
    permissions = Parts(RobotPermissionSchema, load_default=())
    creator_type = Text()
    creator_ref = Number()
    creation_time = Moment()
    update_time = Moment()


class RobotCreateSchema(HarborSchema):
    """A robot account to create."""

    name = Text(load_default="")
    description = Text(load_default="")
    secret = Text()
    level = Text(load_default="")
    disable = Flag(load_default=False)
    duration = Number(load_default=0)
    permissions = Parts(RobotPermissionSchema, load_default=())


class RobotCreateV1Schema(HarborSchema):
    """A project's robot account to create, in the form of Harbor before 2.13."""

    name = Text(load_default="")
    description = Text(load_default="")
    expires_at = Number(form=None, load_default=0)
    access = Parts(AccessSchema, load_default=())


class RobotCreatedSchema(HarborSchema):
    """A new robot account with its secret."""

    id = Number()
    name = Text()
    secret = Text()
    creation_time = Moment()
    expires_at = Number()


class RobotSecSchema(HarborSchema):
    """A robot's new secret."""

    secret = Text(load_default="")
    grace_period = Number(
        validate=validate.Range(min=0),
        metadata={"description": "Seconds in which the secret before is valid too"},
    )


class RefreshParameters(ParameterSchema):
    """The query parameters of refreshing a secret."""

    grace_period = Number(strict=False, load_default=0)


class PermissionsSchema(HarborSchema):
    """The permissions that robots may be granted."""

    system = Parts(PermissionSchema)
    project = Parts(PermissionSchema)
