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


def without(definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the models of an OpenAPI document without the marked properties."""
    return {
        name: model
        if "properties" not in model
        else model | {"properties": {key: value for key, value in model["properties"].items() if MARK not in value}}
        for name, model in definitions.items()
    }
