"""The models of health, general information and storage in the management API."""

from typing import Any

from app.web.fields import Flag, Moment, Number, Part, Parts, Text
from app.web.schemas import HarborSchema

_OMITTED = {"x-omitempty": True}


class ComponentHealthStatusSchema(HarborSchema):
    """The health of one component."""

    name = Text()
    status = Text()
    error = Text()


class OverallHealthStatusSchema(HarborSchema):
    """The health of the system."""

    status = Text()
    components = Parts(ComponentHealthStatusSchema)


class StorageSchema(HarborSchema):
    """The size and free space of one storage, in bytes."""

    total = Number(form="uint64")
    free = Number(form="uint64")


class SystemInfoSchema(HarborSchema):
    """The sizes of all storages."""

    storage = Parts(StorageSchema)


class StatisticSchema(HarborSchema):
    """Numbers of projects and repositories, and the bytes of all content."""

    private_project_count = Number(keep=True)
    private_repo_count = Number(keep=True)
    public_project_count = Number(keep=True)
    public_repo_count = Number(keep=True)
    total_project_count = Number(keep=True)
    total_repo_count = Number(keep=True)
    total_storage_consumption = Number(keep=True)


class AuthproxySettingSchema(HarborSchema):
    """The settings of an authentication proxy."""

    endpoint = Text()
    tokenreivew_endpoint = Text()
    skip_search = Flag()
    verify_cert = Flag()
    server_certificate = Text()


def _text() -> Any:  # noqa: ANN401 - a field
    return Text(nullable=True, metadata=_OMITTED)


def _flag() -> Any:  # noqa: ANN401 - a field
    return Flag(nullable=True, metadata=_OMITTED)


class GeneralInfoSchema(HarborSchema):
    """General information about the installation; what the caller may not know is absent."""

    banner_message = _text()
    current_time = Moment(nullable=True)
    registry_url = _text()
    external_url = _text()
    auth_mode = _text()
    primary_auth_mode = _flag()
    project_creation_restriction = _text()
    self_registration = _flag()
    has_ca_root = _flag()
    harbor_version = _text()
    registry_storage_provider_name = _text()
    read_only = _flag()
    notification_enable = _flag()
    authproxy_settings = Part(AuthproxySettingSchema, nullable=True, metadata=_OMITTED)
    oidc_provider_name = _text()
