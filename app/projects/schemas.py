"""Projects in the form of the management API."""

from marshmallow import fields, validate

from app.web.fields import Flag, Items, Map, Moment, Number, Part, Parts, Switch, Text
from app.web.schemas import HarborSchema, ListParameters, ParameterSchema

_NAME_LIMIT = 255


class CVEAllowlistItemSchema(HarborSchema):
    """One accepted vulnerability."""

    cve_id = Text()


class CVEAllowlistSchema(HarborSchema):
    """The CVE allowlist of a project or of the system."""

    id = Number(form=None)
    project_id = Number(form=None)
    expires_at = Number(form=None, nullable=True)
    items = Parts(CVEAllowlistItemSchema)
    creation_time = Moment()
    update_time = Moment()


class ProjectMetadataSchema(HarborSchema):
    """A project's metadata, all of it text."""

    public = Text()
    enable_content_trust = Text(nullable=True)
    enable_content_trust_cosign = Text(nullable=True)
    prevent_vul = Text(nullable=True)
    severity = Text(nullable=True)
    auto_scan = Text(nullable=True)
    auto_sbom_generation = Text(nullable=True)
    reuse_sys_cve_allowlist = Text(nullable=True)
    retention_id = Text(nullable=True)
    proxy_speed_kb = Text(nullable=True)
    max_upstream_conn = Text(nullable=True)
    proxy_cache_local_on_not_found = Text(nullable=True)
    proxy_referrer_api = Text(nullable=True)
    proxy_cache_filter_pattern = Text(nullable=True)
    proxy_cache_filter_kind = Text(nullable=True)


class ProjectSchema(HarborSchema):
    """A project as one caller sees it."""

    project_id = Number(form="int32", attribute="id")
    owner_id = Number(form="int32")
    name = Text()
    registry_id = Number()
    creation_time = Moment()
    update_time = Moment()
    deleted = Flag()
    owner_name = Text()
    togglable = Flag()
    current_user_role_id = Number(form=None, attribute="role")
    current_user_role_ids = Items(Number(form="int32"), attribute="role_ids")
    repo_count = Number(form=None, keep=True)
    metadata = Part(ProjectMetadataSchema)
    cve_allowlist = Part(CVEAllowlistSchema)


class ProjectReqSchema(HarborSchema):
    """A project to create, or a change of a project."""

    project_name = Text(validate=validate.Length(max=_NAME_LIMIT))
    public = Flag(nullable=True)
    metadata = Part(ProjectMetadataSchema)
    cve_allowlist = Part(CVEAllowlistSchema)
    storage_limit = Number(nullable=True)
    registry_id = Number(nullable=True)


class ProjectDeletableSchema(HarborSchema):
    """Whether a project may be deleted."""

    deletable = Flag()
    message = Text()


class ProjectSummaryQuotaSchema(HarborSchema):
    """The limits and the use of a project, by resource."""

    hard = Map(keys=fields.String(), values=Number())
    used = Map(keys=fields.String(), values=Number(), attribute="in_use")


class RegistryCredentialSchema(HarborSchema):
    """The credentials of a remote registry."""

    type = Text()
    access_key = Text()
    access_secret = Text()


class RegistrySchema(HarborSchema):
    """A remote registry."""

    id = Number(keep=True)
    url = Text()
    name = Text()
    credential = Part(RegistryCredentialSchema)
    type = Text()
    insecure = Flag()
    ca_certificate = Text(nullable=True)
    description = Text()
    status = Text()
    creation_time = Moment()
    update_time = Moment()


class ProjectSummarySchema(HarborSchema):
    """The counters and the quota of a project."""

    repo_count = Number(form=None, keep=True)
    project_admin_count = Number(form=None)
    maintainer_count = Number(form=None)
    developer_count = Number(form=None)
    guest_count = Number(form=None)
    limited_guest_count = Number(form=None)
    quota = Part(ProjectSummaryQuotaSchema)
    registry = Part(RegistrySchema)


class ProjectListParameters(ListParameters):
    """The query parameters of the list of projects."""

    name = fields.String()
    public = Switch()
    owner = fields.String()
    with_detail = Switch(load_default=True)


class ProjectNameParameters(ParameterSchema):
    """The query parameter with the name to check."""

    project_name = fields.String(required=True)


class CreationHeaders(ParameterSchema):
    """The header that selects name or id in the Location of a new project."""

    name_in_location = Switch(load_default=False, data_key="X-Resource-Name-In-Location")


class NameHeaders(ParameterSchema):
    """The header that marks the project in the path as a name, even when it looks like a number."""

    is_name = Switch(load_default=False, data_key="X-Is-Resource-Name")
