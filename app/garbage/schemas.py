"""Garbage collection as the management API writes it."""

from typing import Any, Final

from marshmallow import fields, post_dump, validate

from app.web.fields import Flag, Map, Moment, Number, Part, Text
from app.web.schemas import HarborSchema

_SCHEDULE_TYPES: Final = ("Hourly", "Daily", "Weekly", "Custom", "Manual", "None", "Schedule")


class ScheduleObjSchema(HarborSchema):
    """When a job is due; a cron expression has six fields, the second first."""

    type = Text(validate=validate.OneOf(_SCHEDULE_TYPES))
    cron = Text()
    next_scheduled_time = Moment()


class ScheduleSchema(HarborSchema):
    """A schedule and the parameters of the runs it starts."""

    id = Number(form=None, dump_only=True)
    status = Text(dump_only=True)
    creation_time = Moment(dump_only=True)
    update_time = Moment(dump_only=True)
    schedule = Part(ScheduleObjSchema)
    parameters = Map(keys=fields.String(), values=fields.Raw(metadata={"type": "object"}))


class GCHistorySchema(HarborSchema):
    """One collection, or the schedule of them."""

    id = Number(form=None)
    job_name = Text()
    job_kind = Text()
    job_parameters = Text()
    schedule = Part(ScheduleObjSchema)
    job_status = Text()
    deleted = Flag()
    creation_time = Moment()
    update_time = Moment()

    @post_dump(pass_original=True)
    def _nothing_of_nothing(self, shown: dict[str, Any], original: object, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - marshmallow's
        return shown if original else {}
