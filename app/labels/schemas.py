"""Labels in the form of the management API."""

from marshmallow import fields

from app.web.fields import Moment, Number, Text
from app.web.schemas import HarborSchema, ListParameters


class LabelSchema(HarborSchema):
    """A label."""

    id = Number()
    name = Text()
    description = Text()
    color = Text()
    scope = Text()
    project_id = Number()
    creation_time = Moment()
    update_time = Moment()


class LabelListParameters(ListParameters):
    """The query parameters of the list of labels."""

    name = fields.String()
    scope = fields.String()
    project_id = Number(strict=False)
