"""The results of a search in the form of the management API."""

from marshmallow import ValidationError, fields

from app.projects.schemas import ProjectSchema
from app.web.fields import Flag, Map, Moment, Number, Parts, Text
from app.web.schemas import HarborSchema, ParameterSchema


def _require_text(text: str) -> None:
    """Raise ValidationError for an empty text; a rule of Harbor's server that its document does not tell."""
    if not text:
        raise ValidationError("q in query is required")


class SearchParameters(ParameterSchema):
    """What to search for."""

    q = fields.String(required=True, validate=_require_text)


class SearchRepositorySchema(HarborSchema):
    """A repository that was found."""

    project_id = Number(form=None)
    project_name = Text()
    project_public = Flag()
    repository_name = Text(attribute="name")
    pull_count = Number(form=None)
    artifact_count = Number(form=None)


class SearchChartSchema(HarborSchema):
    """A Helm chart that was found, in the form of Harbor before 2.8; ``Chart`` is what it says of itself."""

    Name = Text(attribute="repository_name")
    Score = Number(form=None, keep=True, attribute="score")
    Chart = Map(values=fields.Raw(), attribute="facts")


class SearchArtifactSchema(HarborSchema):
    """An artifact that was found."""

    id = Number()
    digest = Text()
    type = Text(attribute="kind")
    size = Number()
    push_time = Moment()
    tag = Text()
    repository_name = Text()
    project_id = Number()
    project_name = Text()
    project_public = Flag()


class SearchSchema(HarborSchema):
    """What was found."""

    project = Parts(ProjectSchema)
    repository = Parts(SearchRepositorySchema)
    chart = Parts(SearchChartSchema, ours=True)
    artifact = Parts(SearchArtifactSchema, ours=True)
