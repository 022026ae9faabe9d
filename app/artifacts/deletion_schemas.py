"""The schemas of deletion jobs in the management API."""

from marshmallow import fields

from app.web.fields import Items, Moment, Number, Text
from app.web.schemas import HarborSchema


class ChosenSchema(HarborSchema):
    """What is to be deleted: tags, and artifacts with all their tags and accessories."""

    tags = Items(fields.String())
    artifacts = Items(fields.String())


class DeletionSchema(HarborSchema):
    """A deletion job, with the number of its tasks by state."""

    id = Number(attribute="run.id")
    repository = Text()
    status = Text(attribute="run.status")
    status_message = Text(attribute="run.status_message")
    trigger = Text(attribute="run.trigger")
    operator = Text(attribute="run.operator")
    task_count = Number(keep=True, attribute="counters.task_count")
    success_task_count = Number(keep=True, attribute="counters.success_task_count")
    error_task_count = Number(keep=True, attribute="counters.error_task_count")
    creation_time = Moment(attribute="run.creation_time")
    start_time = Moment(attribute="run.start_time", nullable=True)
    update_time = Moment(attribute="run.update_time")
    end_time = Moment(attribute="run.end_time", nullable=True)


class DeletionTaskSchema(HarborSchema):
    """A tag (``tag:name``), an artifact (its digest) or a repository (its name) that a job deletes."""

    id = Number()
    key = Text()
    status = Text()
    status_message = Text()
    creation_time = Moment()
    start_time = Moment(nullable=True)
    end_time = Moment(nullable=True)
