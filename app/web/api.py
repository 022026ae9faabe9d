"""Set up the management API on flask-smorest: base path, JSON, OpenAPI 2.0 document, errors, read-only mode."""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote, unquote_to_bytes

import orjson
from flask import Flask, Response, request
from flask.json.provider import JSONProvider
from flask_smorest import Api
from flask_smorest.spec.plugins import FlaskPlugin
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.routing import BaseConverter, IntegerConverter, Map, UnicodeConverter, ValidationError

from app.core.errors import InvalidError, UnauthenticatedError
from app.web import csrf, errors, explorer, login, openapi, unimplemented
from app.web.blueprint import HarborBlueprint
from app.web.read_only import require_not_read_only
from app.web.schemas import ErrorsSchema
from app.web.session import current_context

BASE_PATH: Final = "/api/v2.0"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_IDS: Final = 2**63
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_LARGEST_BODY: Final = 8 * 1024 * 1024
_ANONYMOUS_BODY: Final = 64 * 1024
"""The most bytes of an anonymous caller's body: more than any login takes."""


class EncodedName(BaseConverter):
    """A repository's name in a path, whose slashes are percent-encoded, once or twice."""

    regex = r"[^/]+"

    def to_python(self, value: str) -> str:
        """Return the name with its slashes; no route matches when it holds a NUL character."""
        name = unquote(value)
        if "\0" in name:
            raise ValidationError
        return name


class NumericId(BaseConverter):
    """A row's id in a path; anything else there is answered 422."""

    regex = r"[^/]+"
    weight = IntegerConverter.weight

    def to_python(self, value: str) -> int:
        """Return the number; UnprocessableEntity when it is no 64-bit integer."""
        if _NUMBER.fullmatch(value) and -_IDS <= (number := int(value)) < _IDS:
            return number
        raise UnprocessableEntity(f"the id in path must be of type int64: {value[:40]!r}")


class Choice(BaseConverter):
    """A segment of a path that is one of some words; anything else there is answered 422."""

    regex = r"[^/]+"

    def __init__(self, url_map: Map, *words: str) -> None:
        super().__init__(url_map)
        self.words = words

    def to_python(self, value: str) -> str:
        """Return the word; UnprocessableEntity for another."""
        if value in self.words:
            return value
        raise UnprocessableEntity(f"{value[:40]!r} in path should be one of {', '.join(self.words)}")


class HarborApi(Api):
    """Harbor's API v2.0: serves every registered blueprint under the base path."""

    ERROR_SCHEMA = ErrorsSchema
    DEFAULT_ERROR_RESPONSE_NAME = None

    def __init__(self, app: Flask) -> None:
        """Prepare ``app`` for the blueprints that will be registered."""
        login.prepare(app)
        app.before_request(bound_body)
        csrf.install(app)
        app.json = _Json(app)
        app.config["MAX_CONTENT_LENGTH"] = _LARGEST_BODY
        app.url_map.converters |= {"encoded": EncodedName, "int": NumericId, "choice": Choice}
        app.url_map.strict_slashes = False
        app.url_map.merge_slashes = False
        super().__init__(app, spec_kwargs=_SPEC | {"flask_plugin": _Paths()})
        app.register_blueprint(openapi.blueprint)
        app.register_blueprint(explorer.blueprint)
        unimplemented.register(app, BASE_PATH)
        app.wsgi_app = _slashes_kept(app.wsgi_app)  # type: ignore[method-assign] # Flask's way to be wrapped

    def register_blueprint(self, blp: HarborBlueprint, **options: Any) -> None:  # noqa: ANN401 - Flask's options
        """Serve the blueprint's operations under the base path."""
        checks = (require_no_nul, require_nonempty_request_id, require_not_read_only)
        self._app.before_request_funcs.setdefault(blp.name, []).extend(checks)
        super().register_blueprint(blp, url_prefix=BASE_PATH, **options)

    def _register_error_handlers(self) -> None:
        errors.register(self._app)


def bound_body() -> None:
    """Limit the body of an anonymous caller; UnauthenticatedError where an authenticated one may send a larger one."""
    length = request.content_length
    if request.method in _SAFE or (length is not None and length <= _ANONYMOUS_BODY):
        return
    if length is None and "chunked" not in request.headers.get("Transfer-Encoding", "").lower():
        return
    if not request.path.startswith(BASE_PATH):
        request.max_content_length = _ANONYMOUS_BODY
    elif not current_context().principal.authenticated:
        raise UnauthenticatedError


def require_no_nul() -> None:
    """Raise InvalidError for a path or query with a NUL character, which databases cannot store."""
    if "\0" in request.path or b"%00" in request.query_string:
        raise InvalidError("the request's path or query holds a NUL character")


def require_nonempty_request_id() -> None:
    """Raise UnprocessableEntity for an empty X-Request-Id header."""
    if request.headers.get("X-Request-Id") == "":
        raise UnprocessableEntity("X-Request-Id in header should be at least 1 chars long")


class _Json(JSONProvider):
    """Flask's JSON by orjson; an answer is one line with a newline at its end."""

    def dumps(self, obj: Any, **_: Any) -> str:  # noqa: ANN401 - Flask's interface
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_: Any) -> Any:  # noqa: ANN401 - Flask's interface
        return orjson.loads(s)

    def response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - Flask's interface
        body = orjson.dumps(self._prepare_response_obj(args, kwargs), option=orjson.OPT_APPEND_NEWLINE)
        return Response(body, mimetype="application/json")


class _Paths(FlaskPlugin):
    """Writes the document's paths relative to the base path, and describes path parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.register_converter(UnicodeConverter, lambda _: {"type": "string"})
        self.register_converter(NumericId, lambda _: {"type": "integer", "format": "int64"})
        self.register_converter(Choice, lambda choice: {"type": "string", "enum": list(choice.words)})

    @staticmethod
    def flaskpath2openapi(path: str) -> str:
        return str(FlaskPlugin.flaskpath2openapi(path)).removeprefix(BASE_PATH)


_SPEC: Final[dict[str, Any]] = {
    "title": "Harbor API",
    "version": "2.0",
    "openapi_version": "2.0",
    "basePath": BASE_PATH,
    "schemes": ["http", "https"],
    "securityDefinitions": {"basic": {"type": "basic"}},
    "security": [{"basic": []}, {}],
    "info": {"description": "The management API of PyHarbor, compatible with Harbor's API v2.0."},
}


def _slashes_kept(application: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``application`` so that ``a%2Fb`` reaches the URL map encoded twice: slashes in a name split no path."""

    def serve(environ: dict[str, Any], start_response: Any) -> Any:  # noqa: ANN401 - WSGI
        path: str = environ.get("PATH_INFO", "")
        if path.startswith(BASE_PATH):
            raw: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
            raw = raw.partition("?")[0]
            if raw.startswith(BASE_PATH) and "%2f" in raw.lower():
                encoded = raw.replace("%2F", "%252F").replace("%2f", "%252F")
                environ["PATH_INFO"] = unquote_to_bytes(encoded).decode("latin-1")
        return application(environ, start_response)

    return serve
