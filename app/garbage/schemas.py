"""Garbage collection in the form of the management API."""

from app.jobs.schemas import HistorySchema


class GCHistorySchema(HistorySchema):
    """A garbage collection, or their schedule."""
