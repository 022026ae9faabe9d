"""Blueprints of the management API: the decorators that describe an operation and turn its result into an answer."""

import json
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from functools import wraps
from http import HTTPStatus
from typing import Any, Final, TypeVar

import orjson
from flask import Request, Response, request
from flask_smorest import Blueprint
from marshmallow import Schema
from webargs.core import missing
from webargs.flaskparser import FlaskParser, abort

from app.core.errors import InvalidError, LimitError, TooLarge, UnauthenticatedError
from app.core.paging import LARGEST_ANSWER, Listed
from app.web import read_only
from app.web.contents import content_answer
from app.web.dumping import dumper
from app.web.etags import tagged
from app.web.paging import page_headers
from app.web.schemas import ErrorsSchema, TextsSchema
from app.web.session import current_context

View = TypeVar("View", bound=Callable[..., Any])
_REQUEST_ID: Final = {"X-Request-Id": {"type": "string"}}
_LIST_HEADERS: Final = {"X-Total-Count": {"type": "integer"}, "Link": {"type": "string"}}
_LOCATION: Final = {"Location": {"type": "string"}}
_TEXTS: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_REQUEST_ID_PARAMETER: Final = {
    "in": "header",
    "name": "X-Request-Id",
    "required": False,
    "type": "string",
    "minLength": 1,
}


_MOST_PARTS: Final = 50_000
_ANONYMOUS_PARTS: Final = 1_000
"""The most values in a body, of any caller and of an anonymous one; each takes some microseconds to check."""


class HarborParser(FlaskParser):
    """Reads arguments; answers 422 to a body that is not JSON by type or syntax, 413 to one with too many values.

    An anonymous caller may send only a few values, which bounds the work that it can cause.
    """

    def _raw_load_json(self, req: Request) -> Any:  # noqa: ANN401 - webargs' interface
        parts = req.get_data().count(b",")
        if parts > _ANONYMOUS_PARTS and not current_context().principal.authenticated:
            raise UnauthenticatedError
        if parts > _MOST_PARTS:
            raise TooLarge(f"the body holds more than {_MOST_PARTS} values")
        try:
            loaded = super()._raw_load_json(req)
        except (json.JSONDecodeError, UnicodeDecodeError):
            abort(422, messages={"json": ["the body is no JSON"]})
        except (ValueError, RecursionError) as error:
            raise InvalidError("the body holds a number with too many digits or nests too deeply") from error
        if loaded is missing and req.content_length:
            abort(422, messages={"header": {"Content-Type": [f"unsupported media type {req.mimetype!r}"]}})
        return loaded


class HarborBlueprint(Blueprint):
    """The operations of one feature."""

    ARGUMENTS_PARSER = HarborParser()

    def __init__(self, name: str, import_name: str) -> None:
        super().__init__(name, import_name)
        self._prepare_doc_cbks += [_as_harbor_declares, _with_models_of_maps]

    def operation(
        self, name: str, *errors: int, tag: str | None = None, while_read_only: bool = False
    ) -> Callable[[View], View]:
        """Declare the operation's id, as in Harbor, and the error statuses in its description.

        A change is refused in read-only mode unless it is allowed ``while_read_only``.
        """
        described: dict[str, Any] = {"operationId": name, "responses": {status: _refusal(status) for status in errors}}
        if tag:
            described["tags"] = [tag]
        documented: Callable[[View], View] = self.doc(**described)
        return read_only.going_on(documented) if while_read_only else documented

    def arguments(
        self,
        schema: type[Schema],
        *,
        location: str = "json",
        required: bool = True,
        **options: Any,  # noqa: ANN401 - flask-smorest's
    ) -> Callable[[View], View]:
        """Pass what the schema loads to the view; 422 when it is invalid, or a ``required`` body is missing."""
        read: Callable[[View], View] = super().arguments(schema, location=location, required=required, **options)
        return _with_body(read) if required and location == "json" else read

    def lists(self, schema: type[Schema]) -> Callable[[View], View]:
        """Answer the view's Listed as an array with the headers of a page."""
        many = schema(many=True)
        dump = dumper(many)

        def answer(listed: Listed[Any]) -> Response:
            response = _json_list(map(dump, listed.items))
            response.headers.extend(page_headers(listed, request.path, request.args))
            return tagged(response, str(listed.total))

        return _answering(200, answer, large=True, schema=many, headers=_LIST_HEADERS)

    def shows(self, schema: type[Schema], *, many: bool = False, large: bool = False) -> Callable[[View], View]:
        """Answer the view's object as JSON, or an array of ``many`` objects without pages.

        A ``large`` answer may take megabytes, as it holds pushed content. None is answered by 200 without a body, as
        in Harbor for an object that need not exist.
        """
        shown = schema(many=many)
        one = dumper(shown)
        dump = (lambda items: [one(item) for item in items]) if many else one

        def answer(result: Any) -> Response:  # noqa: ANN401 - whatever the view returns
            return _empty() if result is None else tagged(_json(dump(result)))

        return _answering(200, answer, large=large, schema=shown)

    def shows_by_name(self, schema: type[Schema]) -> Callable[[View], View]:
        """Answer the view's objects by name as one JSON object."""
        one = dumper(schema())
        described = {"type": "object", "additionalProperties": schema}

        def answer(items: Mapping[str, Any]) -> Response:
            return tagged(_json({name: one(item) for name, item in items.items()}))

        return _answering(200, answer, schema=described)

    def shows_texts(self) -> Callable[[View], View]:
        """Answer the view's texts by name as one JSON object."""
        return _answering(200, lambda texts: tagged(_json(texts)), schema=_TEXTS)

    def takes_texts(self, name: str) -> Callable[[View], View]:
        """Pass the body to the view, a dict of texts by name, empty without a body; 422 for anything else."""
        parameter = {"in": "body", "name": name, "required": False, "schema": _TEXTS}

        def decorate(view: Any) -> Any:  # noqa: ANN401 - any view
            @wraps(view)
            def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the view's own
                body = self.ARGUMENTS_PARSER.parse(TextsSchema(), request, location="json")
                return view(*args, body["texts"], **kwargs)

            run._apidoc = deepcopy(getattr(view, "_apidoc", {}))  # type: ignore[attr-defined] # noqa: SLF001 - flask-smorest's place
            run._apidoc.setdefault("arguments", {}).setdefault("parameters", []).append(parameter)  # type: ignore[attr-defined] # noqa: SLF001 - as above
            return run

        return decorate

    def says(self) -> Callable[[View], View]:
        """Answer the view's text as plain text."""
        return _answering(
            200,
            lambda text: Response(text, mimetype="text/plain"),
            content_type="text/plain",
            schema={"type": "string"},
        )

    def downloads(self, filename: str) -> Callable[[View], View]:
        """Answer the view's bytes as a download with this file name."""
        disposition = f"attachment; filename={filename}"

        def answer(content: bytes) -> Response:
            return Response(content, mimetype="application/octet-stream", headers={"Content-Disposition": disposition})

        return _answering(
            200,
            answer,
            content_type="application/octet-stream",
            schema={"type": "file"},
            headers={"Content-Disposition": {"type": "string"}},
        )

    def serves(self) -> Callable[[View], View]:
        """Answer the view's TypedContent, which a client pushed, as it is."""
        described = {"schema": {"type": "string"}, "headers": {"Content-Type": {"type": "string"}}}
        return _answering(200, content_answer, large=True, **described)

    def creates(self) -> Callable[[View], View]:
        """Answer 201 with a Location, the path that the view returns."""
        return _answering(201, lambda path: _empty(201, Location=path), headers=_REQUEST_ID | _LOCATION)

    def creates_shown(self, schema: type[Schema]) -> Callable[[View], View]:
        """Answer 201 with a Location and a body, the pair that the view returns; the body may hold secrets."""
        shown = schema()

        def answer(created: tuple[str, Any]) -> Response:
            response = tagged(_json(shown.dump(created[1])))
            response.status_code, response.headers["Location"] = 201, created[0]
            return response

        return _answering(201, answer, schema=shown, headers=_REQUEST_ID | _LOCATION)

    def does(self) -> Callable[[View], View]:
        """Answer 200 without a body to a view that returns nothing."""
        return _answering(200, lambda _: _empty(), headers=_REQUEST_ID)


def _with_body(read: Callable[[View], View]) -> Callable[[View], View]:
    def decorate(view: Any) -> Any:  # noqa: ANN401 - any view
        reading: Any = read(view)

        @wraps(reading)
        def run(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - the view's own
            if not request.get_data():
                abort(422, messages={"json": ["the body is required"]})
            return reading(*args, **kwargs)

        return run

    return decorate


def _answering(
    status: int,
    answer: Callable[[Any], Response],
    *,
    large: bool = False,
    **described: Any,  # noqa: ANN401 - OpenAPI's keys
) -> Callable[[View], View]:
    described = {"description": HTTPStatus(status).phrase, "content_type": None, **described}

    def decorate(view: Any) -> Any:  # noqa: ANN401 - any view
        @wraps(view)
        def run(*args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - the view's own
            if not large:
                return answer(view(*args, **kwargs))
            with current_context().ports.large_answers:
                return answer(view(*args, **kwargs))

        run._apidoc = deepcopy(getattr(view, "_apidoc", {}))  # type: ignore[attr-defined] # noqa: SLF001 - flask-smorest's place
        run._apidoc.setdefault("response", {}).setdefault("responses", {})[status] = [described]  # type: ignore[attr-defined] # noqa: SLF001 - as above
        return run

    return decorate


def _json(value: Any) -> Response:  # noqa: ANN401 - JSON
    """Return the value as a JSON answer."""
    return Response(_written(value) + b"\n", mimetype="application/json")


def _json_list(values: Iterable[Any]) -> Response:
    """Return the values as a JSON array; LimitError for more than one that exceed LARGEST_ANSWER bytes."""
    written, size = [], 0
    for value in values:
        written.append(_written(value))
        size += len(written[-1]) + 1
        if size > LARGEST_ANSWER and len(written) > 1:
            raise LimitError("the page takes more than 4 MiB: ask for fewer rows with page_size")
    return Response(b"[" + b",".join(written) + b"]\n", mimetype="application/json")


def _written(value: Any) -> bytes:  # noqa: ANN401 - JSON
    """Encode the value as JSON; the slower encoder is for integers over 64 bits, which image configs may hold."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False).encode()


def _empty(status: int = 200, **headers: str) -> Response:
    response = Response(status=status, headers=headers)
    del response.headers["Content-Type"]
    return response


def _refusal(status: int) -> dict[str, Any]:
    return {"description": HTTPStatus(status).phrase, "schema": ErrorsSchema, "headers": _REQUEST_ID}


def _as_harbor_declares(doc: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:  # noqa: ANN401 - flask-smorest's interface
    """Describe operations as Harbor's document does: all with X-Request-Id, none with the 422 of invalid arguments."""
    doc.setdefault("parameters", []).insert(0, dict(_REQUEST_ID_PARAMETER))
    doc["responses"].pop(HTTPStatus.UNPROCESSABLE_ENTITY, None)
    return doc


def _with_models_of_maps(doc: dict[str, Any], *_: Any, api: Any, **__: Any) -> dict[str, Any]:  # noqa: ANN401 - flask-smorest's interface
    """Refer to the values' model by name where an answer is an object of objects, which apispec does not do."""
    for response in doc["responses"].values():
        described = response.get("schema")
        values = described.get("additionalProperties") if isinstance(described, dict) else None
        if isinstance(values, type):
            described["additionalProperties"] = api.ma_plugin.converter.resolve_nested_schema(values)
    return doc
