"""What the API's answers hold beyond Harbor's document, which strict clients refuse: only when it is asked for."""

from typing import Any, Final

from flask import has_request_context, request
from marshmallow import fields

PARAMETER: Final = "with_extensions"
"""The query parameter that asks; the links of a list's pages keep it."""
MARK: Final = "x-pyharbor"
"""Marks such a property; the document, which is Harbor's, leaves it out."""


def asked_for() -> bool:
    """Tell whether the current request asks for them."""
    return has_request_context() and request.args.get(PARAMETER, "").lower() in fields.Boolean.truthy


def without(definitions: dict[str, Any]) -> dict[str, Any]:
    """The models of a document without the marked properties."""
    return {
        name: model
        if "properties" not in model
        else model | {"properties": {key: each for key, each in model["properties"].items() if MARK not in each}}
        for name, model in definitions.items()
    }
