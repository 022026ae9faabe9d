"""The schemas of quotas and sizes in the management API."""

from marshmallow import fields

from app.web.fields import Map, Moment, Number
from app.web.schemas import HarborSchema, PageParameters


class QuotaSchema(HarborSchema):
    """The quota of a project: limit and use by resource, of which there is one, ``storage`` in bytes."""

    id = Number(form=None)
    ref = Map(values=fields.Raw(metadata={}))
    hard = Map(keys=fields.String(), values=Number(), keep=True)
    used = Map(keys=fields.String(), values=Number(), keep=True, attribute="in_use")
    creation_time = Moment()
    update_time = Moment()


class QuotaUpdateReqSchema(HarborSchema):
    """New limits by resource."""

    hard = Map(keys=fields.String(), values=Number())


class QuotaListParameters(PageParameters):
    """What the list of quotas may be asked for."""

    reference = fields.String()
    reference_id = fields.String()
    sort = fields.String()


class SizesSchema(HarborSchema):
    """Sizes in bytes: on disk, as clients see it, and what a garbage collection would free."""

    physical = Number(keep=True)
    logical = Number(keep=True)
    reclaimable = Number(keep=True)
