"""The catalog of event classes: all classes in this package that derive from Event and have no subclass."""

import importlib
import pkgutil

from app import events
from app.events.base import Event


def facts() -> list[type[Event]]:
    """Return the event classes in the order of modules and lines, without base classes."""
    names = [f"{events.__name__}.{module.name}" for module in pkgutil.iter_modules(events.__path__)]
    known = {
        value: None
        for name in names
        for value in vars(importlib.import_module(name)).values()
        if isinstance(value, type) and issubclass(value, Event)
    }
    bases = {base for kind in known for base in kind.__mro__[1:]}
    return [kind for kind in known if kind not in bases]


def audit_types() -> tuple[str, ...]:
    """Return the types of rows in the audit log, as ``create_project``, in the order of their first event class."""
    return tuple(dict.fromkeys(f"{kind.operation}_{kind.resource_type}" for kind in facts() if kind.operation))
