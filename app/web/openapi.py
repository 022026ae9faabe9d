"""The OpenAPI document of the management API, and the API's version."""

from typing import Any, Final

from flask import Blueprint, Flask, current_app

_EXTENSION: Final = "flask-smorest"

blueprint = Blueprint("openapi", __name__)


def document(app: Flask) -> dict[str, Any]:
    """The OpenAPI 2.0 document of every operation that ``app`` serves."""
    described: dict[str, Any] = app.extensions[_EXTENSION]["apis"][""]["ext_obj"].spec.to_dict()
    return described


@blueprint.get("/api/v2.0/swagger.json")
def swagger() -> dict[str, Any]:
    """The document, as clients and generators read it."""
    return document(current_app)


@blueprint.get("/api/version")
def version() -> dict[str, str]:
    """The API's version; anybody may ask."""
    return {"version": "v2.0"}
