"""The management API's operations on garbage collection."""

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from app.core.errors import FieldInvalid
from app.core.paging import Listed
from app.garbage.results import collection, collection_schedule, collections
from app.garbage.schemas import GCHistorySchema
from app.garbage.service import GarbageParameters, GarbageService
from app.jobs.results import HistoryItem
from app.jobs.schemas import ScheduleSchema, due
from app.web.blueprint import HarborBlueprint
from app.web.schemas import ListParameters, list_query
from app.web.session import current_context

blueprint = HarborBlueprint("gc", __name__)
_PATH: Final = "/api/v2.0/system/gc"


@blueprint.route("/system/gc")
class Collections(MethodView):
    """All collections."""

    @blueprint.operation("getGCHistory", 401, 403, 500)
    @blueprint.arguments(ListParameters, location="query")
    @blueprint.lists(GCHistorySchema)
    def get(self, parameters: dict[str, Any]) -> Listed[HistoryItem]:
        """Get gc results."""
        return collections(GarbageService(current_context()).history(list_query(parameters)))


@blueprint.route("/system/gc/<int:gc_id>")
class Collection(MethodView):
    """One collection."""

    @blueprint.operation("getGC", 401, 403, 404, 500)
    @blueprint.shows(GCHistorySchema)
    def get(self, gc_id: int) -> HistoryItem:
        """Get gc status."""
        return collection(GarbageService(current_context()).execution(gc_id))

    @blueprint.operation("stopGC", 401, 403, 404, 500, while_read_only=True)
    @blueprint.does()
    def put(self, gc_id: int) -> None:
        """Stop the specific GC execution."""
        GarbageService(current_context()).stop(gc_id)


@blueprint.route("/system/gc/<int:gc_id>/log")
class CollectionLog(MethodView):
    """The log of a collection."""

    @blueprint.operation("getGCLog", 400, 401, 403, 404, 500)
    @blueprint.says()
    def get(self, gc_id: int) -> str:
        """Get gc job log."""
        return GarbageService(current_context()).log(gc_id)


@blueprint.route("/system/gc/schedule")
class CollectionSchedule(MethodView):
    """The schedule of collections."""

    @blueprint.operation("getGCSchedule", 401, 403, 500)
    @blueprint.shows(GCHistorySchema)
    def get(self) -> HistoryItem | None:
        """Get gc's schedule."""
        return collection_schedule(GarbageService(current_context()).current_schedule())

    @blueprint.operation("createGCSchedule", 400, 401, 403, 409, 500, while_read_only=True)
    @blueprint.arguments(ScheduleSchema)
    @blueprint.creates()
    def post(self, body: dict[str, Any]) -> str:
        """Create a gc schedule."""
        started = _schedule(body, create=True)
        return f"{_PATH}/schedule" if started is None else f"{_PATH}/{started}"

    @blueprint.operation("updateGCSchedule", 400, 401, 403, 500, while_read_only=True)
    @blueprint.arguments(ScheduleSchema)
    @blueprint.does()
    def put(self, body: dict[str, Any]) -> None:
        """Update gc's schedule."""
        _schedule(body, create=False)


def _schedule(body: Mapping[str, Any], *, create: bool) -> int | None:
    service = GarbageService(current_context())
    return service.schedule(due(body), _parameters(body.get("parameters", {})), create=create)


def _parameters(body: Mapping[str, Any]) -> GarbageParameters:
    """Return the parameters of a request; absent ones have their defaults."""
    workers = body.get("workers", 1)
    if type(workers) is not int:
        raise FieldInvalid("workers", "a whole number from 1 to 10")
    return GarbageParameters(
        delete_untagged=_flag(body, "delete_untagged"),
        delete_tag=_flag(body, "delete_tag"),
        dry_run=_flag(body, "dry_run"),
        workers=workers,
    )


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise FieldInvalid(name, "true or false")
    return value
