"""Refuse changes by the management API in read-only mode, except for marked operations."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from flask import current_app, request

from app.core.errors import ReadOnly
from app.db import gate
from app.web.session import installation

View = TypeVar("View", bound=Callable[..., Any])
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_GOES_ON: Final = "goes_on_while_read_only"
"""The attribute that marks methods that are allowed in read-only mode."""


def going_on(decorate: Callable[[View], View]) -> Callable[[View], View]:
    """Extend a decorator of a resource's methods: methods that it decorates are allowed in read-only mode."""

    def mark(method: View) -> View:
        decorated = decorate(method)
        setattr(decorated, _GOES_ON, True)
        return decorated

    return mark


def require_not_read_only() -> None:
    """Raise ReadOnly for a change while the administrator's switch is on; a garbage collection's lease is ignored.

    The configuration, which has the switch, and the operations on jobs stay allowed.
    """
    if request.method in _SAFE or _goes_on():
        return
    if gate.glance(installation().ports.db).switched:
        raise ReadOnly


def _goes_on() -> bool:
    resource = getattr(current_app.view_functions.get(request.endpoint or ""), "view_class", None)
    method = getattr(resource, request.method.lower(), None)
    return getattr(method, _GOES_ON, False) is True
