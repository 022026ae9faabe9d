"""Serve the OpenAPI document of the management API, and the API's version."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from flask import Blueprint, Flask, Response, current_app

from app.web import additions
from app.web.etags import tagged

_EXTENSION: Final = "flask-smorest"
_SERVED: Final = "pyharbor-openapi"
"""The extension under which an application keeps its document as text, which never changes."""

blueprint = Blueprint("openapi", __name__)


def document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI 2.0 document of all operations that ``app`` serves."""
    described: dict[str, Any] = app.extensions[_EXTENSION]["apis"][""]["ext_obj"].spec.to_dict()
    used = {tag for item in described["paths"].values() for operation in _operations(item) for tag in operation["tags"]}
    definitions = additions.without(described)
    return {**described, "definitions": definitions, "tags": [{"name": tag} for tag in sorted(used)]}


def _operations(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return the operations of one path, which are its only objects."""
    return (operation for operation in item.values() if isinstance(operation, Mapping))


@blueprint.get("/api/v2.0/swagger.json")
def swagger() -> Response:
    """Return the document as JSON."""
    served = current_app.extensions.get(_SERVED)
    if served is None:
        served = current_app.extensions[_SERVED] = current_app.json.dumps(document(current_app))
    return tagged(Response(served, mimetype="application/json"))


@blueprint.get("/api/version")
def version() -> dict[str, str]:
    """Return the API's version; needs no rights."""
    return {"version": "v2.0"}
