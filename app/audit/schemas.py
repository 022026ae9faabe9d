"""The audit log as the management API writes it: the older model, and the one that tells the outcome."""

from app.web.fields import Flag, Moment, Number, Text
from app.web.schemas import HarborSchema


class AuditLogSchema(HarborSchema):
    """Who did what to which resource, and when."""

    id = Number(form=None)
    username = Text()
    resource = Text()
    resource_type = Text()
    operation = Text()
    op_time = Moment()


class AuditLogExtSchema(AuditLogSchema):
    """The same with words and the outcome."""

    operation_description = Text(attribute="description")
    operation_result = Flag(attribute="success", keep=True)
