"""Read-only mode as the management API keeps it: what changes something is refused, but for operations that go on."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from flask import current_app, request

from app.core.errors import ReadOnly
from app.db import gate
from app.web.session import installation

View = TypeVar("View", bound=Callable[..., Any])
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_GOES_ON: Final = "goes_on_while_read_only"
"""The attribute of methods that are not refused."""


def going_on(decorate: Callable[[View], View]) -> Callable[[View], View]:
    """Return a decorator of a resource's method that does the same and lets the method go on in read-only mode."""

    def mark(method: View) -> View:
        decorated = decorate(method)
        setattr(decorated, _GOES_ON, True)
        return decorated

    return mark


def refuse_when_read_only() -> None:
    """Refuse what would change something while the administrator's switch is on, whatever a collection's lease.

    The configuration, which holds the switch, and the operations on jobs go on.
    """
    if request.method in _SAFE or _goes_on():
        return
    if gate.glance(installation().ports.db).switched:
        raise ReadOnly


def _goes_on() -> bool:
    resource = getattr(current_app.view_functions.get(request.endpoint or ""), "view_class", None)
    method = getattr(resource, request.method.lower(), None)
    return getattr(method, _GOES_ON, False) is True
