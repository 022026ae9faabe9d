"""``/devcenter-api-2.0``: Swagger UI for the management API, loaded from this server only."""

from importlib.resources import as_file, files
from typing import Final

from flask import Blueprint, Response, send_file
from werkzeug.exceptions import NotFound

_PATH: Final = "/devcenter-api-2.0"
_ASSETS: Final = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
_KEPT_SECONDS: Final = 3600
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PAGE: Final = f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Harbor API</title>
<link rel="icon" type="image/png" href="{_PATH}/favicon-32x32.png">
<link rel="stylesheet" href="{_PATH}/swagger-ui.css">
</head>
<body>
<div id="explorer"></div>
<script src="{_PATH}/swagger-ui-bundle.js"></script>
<script src="{_PATH}/start.js"></script>
</body>
</html>
"""
_SCRIPT: Final = """"use strict";
const header = "X-Harbor-CSRF-Token";
let token = "";
SwaggerUIBundle({
  url: "/api/v2.0/swagger.json",
  dom_id: "#explorer",
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "none",
  tagsSorter: "alpha",
  requestInterceptor: (request) => {
    if (token && request.method !== "GET") {
      request.headers[header] = token;
    }
    return request;
  },
  responseInterceptor: (response) => {
    token = response.headers[header.toLowerCase()] || token;
    return response;
  },
});
"""

blueprint = Blueprint("explorer", __name__)


@blueprint.get(_PATH)
def page() -> Response:
    """Return the page; its policy lets it load from this server only."""
    response = Response(_PAGE, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cache-Control"] = "private, no-cache"
    return response


@blueprint.get(f"{_PATH}/start.js")
def script() -> Response:
    """Return the script that starts Swagger UI and sends the CSRF token of the latest answer."""
    return _public(Response(_SCRIPT, mimetype="text/javascript"))


@blueprint.get(f"{_PATH}/<name>")
def asset(name: str) -> Response:
    """Return one file of Swagger UI."""
    if name not in _ASSETS:
        raise NotFound
    with as_file(files("flask_swagger_ui").joinpath("dist", name)) as path:
        return _public(send_file(path, conditional=True))


def _public(response: Response) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={_KEPT_SECONDS}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
