"""Properties that Harbor's API does not have: written only when the request asks, as strict clients reject them."""

from typing import Any, Final

from flask import has_request_context, request
from marshmallow import fields

PARAMETER: Final = "with_extensions"
"""The query parameter that asks for them; the links between a list's pages keep it."""
MARK: Final = "x-pyharbor"
"""Marks such a property in a model; the OpenAPI document leaves it out."""


def asked_for() -> bool:
    """Tell whether the current request asks for such properties."""
    return has_request_context() and request.args.get(PARAMETER, "").lower() in fields.Boolean.truthy


def without(document: dict[str, Any]) -> dict[str, Any]:
    """Return the models of an OpenAPI document without the marked properties, and without what only those refer to."""
    models: dict[str, Any] = document["definitions"]
    marked = [value for model in models.values() for value in model.get("properties", {}).values() if MARK in value]
    shown = {
        name: model
        if "properties" not in model
        else model | {"properties": {key: value for key, value in model["properties"].items() if MARK not in value}}
        for name, model in models.items()
    }
    ours_alone = _models_of(marked, models) - _models_of(document["paths"], shown)
    return {name: model for name, model in shown.items() if name not in ours_alone}


def _models_of(part: Any, models: dict[str, Any]) -> set[str]:  # noqa: ANN401 - JSON
    """Return the names of the models that the part refers to, directly or through others."""
    names: set[str] = set()
    waiting = [part]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            name = str(value.get("$ref", "")).rpartition("/")[2]
            if name in models and name not in names:
                names.add(name)
                waiting.append(models[name])
    return names
