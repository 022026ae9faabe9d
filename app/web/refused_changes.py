"""Record refused changes of authenticated callers, in one place for all operations, unless they record them."""

from collections.abc import Mapping
from typing import Final

from flask import request

from app.core.errors import DomainError, Kind
from app.events.refusals import ChangeRefused, CreationRefused, DeletionRefused, UpdateRefused
from app.web.session import known_context_or_none

_REFUSALS: Final = frozenset({Kind.DENIED, Kind.PRECONDITION, Kind.CONFLICT})
_NOT_THE_CALLERS: Final = frozenset({"read_only"})
"""Errors that say nothing about the caller."""
_EVENTS: Final[Mapping[str, type[ChangeRefused]]] = {
    "POST": CreationRefused,
    "PUT": UpdateRefused,
    "PATCH": UpdateRefused,
    "DELETE": DeletionRefused,
}
_KINDS: Final = {
    "artifacts": "artifact",
    "configurations": "configuration",
    "CVEAllowlist": "configuration",
    "gc": "execution",
    "immutabletagrules": "immutable-tag",
    "labels": "label",
    "members": "member",
    "projects": "project",
    "quotas": "quota",
    "repositories": "repository",
    "robots": "robot",
    "schedule": "schedule",
    "tags": "tag",
    "usergroups": "user-group",
    "users": "user",
}
"""Segment of a route -> the resource type of what is changed there; the last known segment decides."""
_LABELLED: Final = {("artifact", "label"): "artifact-label", ("repository", "label"): "repository-label"}
"""The last two of them -> the resource type of a label on something."""
_OTHERS: Final = ChangeRefused.resource_type
_PARTS: Final = frozenset({"metadatas"})
"""Segments of routes below which every change updates the resource above."""
_BASE: Final = "/api/v2.0"


def record(error: DomainError) -> None:
    """Record that the current request, a change by the management API, was refused with this error.

    Only the first of equal refusals in a minute is recorded, and nothing for reading requests, anonymous callers, and
    errors whose own events are recorded.
    """
    if error.recorded or error.kind not in _REFUSALS or error.code in _NOT_THE_CALLERS:
        return
    event, rule, ctx = _EVENTS.get(request.method), request.url_rule, known_context_or_none()
    if ctx is None or not ctx.principal.authenticated:
        return
    if event is None or rule is None or not rule.rule.startswith(_BASE):
        return
    kind = UpdateRefused if _PARTS.intersection(rule.rule.split("/")) else event
    ctx.record_refusal(error.carrying(kind(kind=kind_of(rule.rule), path=request.path.removeprefix(_BASE))))


def kind_of(rule: str) -> str:
    """Return the resource type of what the operations of a route change."""
    known = [_KINDS[segment] for segment in rule.split("/") if segment in _KINDS]
    if not known:
        return _OTHERS
    return _LABELLED.get((known[-2], known[-1]), known[-1]) if len(known) > 1 else known[-1]
