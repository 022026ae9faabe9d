"""Schedules and histories of jobs in the form of the management API."""

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, pre_load, validate

from app.jobs.rules import SHOWN_KINDS, Due
from app.web.fields import Flag, Map, Moment, Number, Part, Text
from app.web.schemas import HarborSchema


class ScheduleObjSchema(HarborSchema):
    """When a job is due; a cron expression has six fields, the second first."""

    type = Text(validate=validate.OneOf(SHOWN_KINDS))
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


class HistorySchema(HarborSchema):
    """The base of a job's history item: a run, or the job's schedule."""

    id = Number(form=None)
    job_name = Text()
    job_kind = Text()
    job_parameters = Text()
    schedule = Part(ScheduleObjSchema)
    job_status = Text()
    deleted = Flag()
    creation_time = Moment()
    update_time = Moment()
    workflow_url = Text(ours=True)


def due(body: Mapping[str, Any]) -> Due:
    """Return when the job shall run, from a loaded ScheduleSchema."""
    given = body.get("schedule", {})
    return Due(kind=given.get("type", ""), cron=given.get("cron", ""))
