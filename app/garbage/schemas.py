"""Garbage collection as the management API writes it."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields, pre_load, validate

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

    @pre_load
    def _null_is_absent(self, given: Any, **_: Any) -> Any:  # noqa: ANN401 - whatever the body holds
        parameters = given.get("parameters") if isinstance(given, Mapping) else None
        if not isinstance(parameters, Mapping):
            return given
        return {**given, "parameters": {name: value for name, value in parameters.items() if value is not None}}


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
