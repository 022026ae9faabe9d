"""The audit log's models in the management API: Harbor's older one, and the one with outcomes."""

from app.web.fields import Flag, Moment, Number, Text
from app.web.schemas import HarborSchema


class AuditLogSchema(HarborSchema):
    """One row of the audit log, without the outcome."""

    id = Number(form=None)
    username = Text()
    resource = Text()
    resource_type = Text()
    operation = Text()
    op_time = Moment()


class AuditLogExtSchema(AuditLogSchema):
    """One row of the audit log, with a description and the outcome."""

    operation_description = Text(attribute="description")
    operation_result = Flag(attribute="success", keep=True)


class AuditLogEventTypeSchema(HarborSchema):
    """A type of rows of the audit log."""

    event_type = Text()
