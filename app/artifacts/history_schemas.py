"""The schema of a tag's history in the management API."""

from app.web.fields import Flag, Moment, Number, Text
from app.web.schemas import HarborSchema


class TagRecordSchema(HarborSchema):
    """A change of a tag: what it points at from then on, by whom, and how that ended."""

    id = Number()
    digest = Text()
    action = Text()
    operator = Text()
    time = Moment()
    ended = Text()
    end_time = Moment(nullable=True)
    ended_by = Text()
    available = Flag(keep=True)
