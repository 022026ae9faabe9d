"""Garbage collection as the management API writes it."""

from app.jobs.schemas import HistorySchema


class GCHistorySchema(HistorySchema):
    """One collection, or the schedule of them."""
