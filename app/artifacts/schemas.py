"""The schemas of repositories and artifacts in the management API."""

from typing import Any, Final

from marshmallow import fields

from app.labels.schemas import LabelSchema
from app.web.fields import Flag, Items, Map, Moment, Number, Part, Parts, Switch, Text
from app.web.schemas import HarborSchema, ListParameters, PageParameters, ParameterSchema, SlottedSchema

_REPORTS: Final = (
    "application/vnd.security.vulnerability.report; version=1.1, "
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
)


class RepositorySchema(HarborSchema):
    """A repository."""

    id = Number()
    project_id = Number()
    name = Text()
    description = Text()
    artifact_count = Number(keep=True)
    pull_count = Number(keep=True)
    creation_time = Moment(nullable=True)
    update_time = Moment()
    labels = Parts(LabelSchema, optional=True)


class PlatformSchema(HarborSchema):
    """Where an image runs; two keys are what Harbor's server writes, not what its document says."""

    architecture = Text()
    os = Text()
    os_version = Text(data_key="OsVersion", attribute="os.version")
    os_features = Items(fields.String(), data_key="OsFeatures", attribute="os.features")
    variant = Text()

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:  # noqa: ANN401 - marshmallow's interface
        """Return the value of a key, which may contain dots; None for a value of the wrong type, as clients push it."""
        value = obj.get(attr, default)
        if attr == "os.features":
            return [item for item in value if isinstance(item, str)] if isinstance(value, list) else None
        return value if isinstance(value, str) else None


class ReferenceSchema(HarborSchema):
    """An entry of an index."""

    parent_id = Number()
    child_id = Number()
    child_digest = Text()
    platform = Part(PlatformSchema)
    annotations = Map(values=fields.String())
    attests = Text(ours=True)
    urls = Items(fields.String())


class TagSchema(HarborSchema):
    """A tag of an artifact."""

    id = Number()
    repository_id = Number()
    artifact_id = Number()
    name = Text()
    push_time = Moment()
    pull_time = Moment()
    immutable = Flag(keep=True)


class NewTagSchema(HarborSchema):
    """A tag to create."""

    name = Text(required=True, metadata={"x-nullable": False})


class AccessorySchema(HarborSchema):
    """An artifact that says something about another."""

    id = Number()
    artifact_id = Number(keep=True)
    subject_artifact_id = Number()
    subject_artifact_digest = Text(keep=True)
    subject_artifact_repo = Text(keep=True)
    size = Number(keep=True)
    digest = Text(keep=True)
    type = Text(keep=True, attribute="kind")
    icon = Text(keep=True)
    creation_time = Moment()


class AdditionLinkSchema(HarborSchema):
    """Where more about an artifact is."""

    href = Text()
    absolute = Flag(keep=True)


class IconSchema(HarborSchema):
    """The icon of a type of artifacts."""

    content_type = Text(data_key="content-type")
    content = Text()


class ArtifactSchema(SlottedSchema):
    """An artifact, with what other features show of it."""

    id = Number()
    type = Text(attribute="kind")
    media_type = Text()
    manifest_media_type = Text()
    artifact_type = Text()
    project_id = Number()
    repository_id = Number()
    repository_name = Text()
    digest = Text()
    size = Number()
    icon = Text()
    push_time = Moment()
    pull_time = Moment()
    extra_attrs = Map(values=fields.Raw(metadata={"type": "object"}))
    annotations = Map(values=fields.String())
    references = Parts(ReferenceSchema, empty_as_null=True)
    tags = Parts(TagSchema, empty_as_null=True)
    addition_links = Map(values=fields.Nested(AdditionLinkSchema))
    labels = Parts(LabelSchema, empty_as_null=True)
    accessories = Parts(AccessorySchema, empty_as_null=True)
    inherited_accessories = Parts(AccessorySchema, optional=True)


class RepositoryParameters(ParameterSchema):
    """What one repository may be asked for."""

    with_label = Switch(load_default=False)


class RepositoryListParameters(ListParameters, RepositoryParameters):
    """What the lists of repositories may be asked for."""


class _ArtifactDetails(ParameterSchema):
    with_tag = Switch(load_default=True)
    with_label = Switch(load_default=False)
    with_scan_overview = Switch(load_default=False)
    with_sbom_overview = Switch(load_default=False)
    with_immutable_status = Switch(load_default=False)
    with_accessory = Switch(load_default=False)
    with_inherited_accessory = Switch(load_default=False)


class ArtifactListParameters(ListParameters, _ArtifactDetails):
    """What the list of artifacts may be asked for."""


class ProjectArtifactListParameters(ArtifactListParameters):
    """What the list of a project's artifacts may be asked for."""

    latest_in_repository = Switch(load_default=False)


class ArtifactParameters(PageParameters, _ArtifactDetails):
    """What one artifact may be asked for."""

    with_signature = Switch(load_default=False)


class TagListParameters(ListParameters):
    """What the list of an artifact's tags may be asked for."""

    with_immutable_status = Switch(load_default=False)


class CopyParameters(ParameterSchema):
    """The artifact to copy."""

    source = fields.String(required=True, data_key="from")


class ReportHeaders(ParameterSchema):
    """Which kinds of vulnerability reports the caller understands."""

    accept_vulnerabilities = fields.String(load_default=_REPORTS, data_key="X-Accept-Vulnerabilities")
