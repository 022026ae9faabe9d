"""Compares our OpenAPI document with Harbor's, operation by operation and model by model, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
_ABOUT_VALUES = ("type", "format", "maximum", "minimum", "minLength", "maxLength", "pattern", "enum")
_ABOUT_PARAMETERS = (*_ABOUT_VALUES, "required", "default")
_ABOUT_PROPERTIES = (*_ABOUT_VALUES, "x-nullable", "x-omitempty")
_METHODS = ("get", "head", "post", "put", "patch", "delete")


def differences(ours: Document, harbors: Document) -> Iterator[str]:
    """One line per difference in what both have; what only Harbor has is none, what only we have is one."""
    harbors = _with_maps_in_place(harbors)
    theirs = {(operation["method"], operation["path"]): operation for operation in harbors["operations"]}
    for method, path, operation in operations(ours):
        known = theirs.get((method, path))
        if known is None:
            yield f"{method} {path}: Harbor has no such operation"
            continue
        for text in _operation(operation, known):
            yield f"{method} {path}: {text}"
    for name in sorted(ours["definitions"]):
        if name in harbors["definitions"]:
            for text in _model(ours["definitions"][name], harbors["definitions"][name]):
                yield f"{name}: {text}"
        else:
            yield f"{name}: Harbor has no such model"


def operations(document: Document) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """(method, path, operation) of an OpenAPI document; parameters of the path are given to each operation."""
    for path, item in sorted(document["paths"].items()):
        for method in _METHODS:
            if method in item:
                operation = item[method]
                shared = item.get("parameters", [])
                yield method.upper(), path, {**operation, "parameters": [*shared, *operation.get("parameters", [])]}


def _with_maps_in_place(document: Document) -> Document:
    """The document with models that are nothing but maps written where they are referred to, as our own has them."""
    maps = {name: model for name, model in document["definitions"].items() if "additionalProperties" in model}

    def replaced(part: Any) -> Any:  # noqa: ANN401 - JSON
        if isinstance(part, list):
            return [replaced(each) for each in part]
        if not isinstance(part, dict):
            return part
        if isinstance(part.get("ref"), str) and part["ref"] in maps:
            return replaced(maps[part["ref"]])
        return {key: replaced(value) for key, value in part.items()}

    return {key: replaced(part) for key, part in document.items()}


def _operation(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for key in ("operationId", "tags", "produces"):
        if ours.get(key) != theirs.get(key):
            yield f"{key} is {ours.get(key)}, Harbor's {theirs.get(key)}"
    yield from _parameters(_by_place(ours["parameters"]), _by_place(theirs["parameters"]))
    yield from _responses(ours["responses"], theirs["responses"])


def _by_place(parameters: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Keyed by place and name; the one body has no name that clients see."""
    return {"body" if p["in"] == "body" else f"{p['in']} {p['name']}": p for p in parameters}


def _parameters(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"parameter {place} is missing" for place in sorted(theirs.keys() - ours.keys()))
    yield from (f"parameter {place} is ours alone" for place in sorted(ours.keys() - theirs.keys()))
    for place in sorted(ours.keys() & theirs.keys()):
        for key in _ABOUT_PARAMETERS:
            if ours[place].get(key) != theirs[place].get(key):
                yield f"parameter {place}: {key} is {ours[place].get(key)}, Harbor's {theirs[place].get(key)}"
        left, right = _schema(ours[place].get("schema")), _schema(theirs[place].get("schema"))
        if left != right:
            yield f"parameter {place}: schema {left}, Harbor's {right}"


def _responses(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    ours = {str(status): response for status, response in ours.items()}
    yield from (f"response {status} is missing" for status in sorted(theirs.keys() - ours.keys()))
    yield from (f"response {status} is ours alone" for status in sorted(ours.keys() - theirs.keys()))
    for status in sorted(ours.keys() & theirs.keys()):
        left, right = ours[status], theirs[status]
        if _schema(left.get("schema")) != _schema(right.get("schema")):
            yield f"response {status}: schema {_schema(left.get('schema'))}, Harbor's {_schema(right.get('schema'))}"
        if _headers(left) != _headers(right):
            yield f"response {status}: headers {_headers(left)}, Harbor's {_headers(right)}"


def _headers(response: Mapping[str, Any]) -> dict[str, Any]:
    return {name: header.get("type") for name, header in response.get("headers", {}).items() if name != "X-Request-Id"}


def _model(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    if sorted(ours.get("required", [])) != sorted(theirs.get("required", [])):
        yield f"required {ours.get('required')}, Harbor's {theirs.get('required')}"
    left, right = ours.get("properties", {}), theirs.get("properties", {})
    yield from (f"{name} is missing" for name in sorted(right.keys() - left.keys()))
    yield from (f"{name} is ours alone" for name in sorted(left.keys() - right.keys()))
    for name in sorted(left.keys() & right.keys()):
        for key in _ABOUT_PROPERTIES:
            if left[name].get(key) != right[name].get(key):
                yield f"{name}: {key} is {left[name].get(key)}, Harbor's {right[name].get(key)}"
        if _schema(left[name]) != _schema(right[name]):
            yield f"{name}: {_schema(left[name])}, Harbor's {_schema(right[name])}"


def _schema(schema: Mapping[str, Any] | None) -> str | None:
    """A schema's shape in a word: the model's name, ``[items]``, ``{values}`` or the type."""
    if not schema:
        return None
    if "allOf" in schema:
        return _schema(schema["allOf"][0])
    if "$ref" in schema or "ref" in schema:
        return str(schema.get("$ref") or schema["ref"]).rpartition("/")[2]
    if schema.get("type") == "array":
        return f"[{_schema(schema.get('items'))}]"
    if "additionalProperties" in schema:
        return f"{{{_schema(schema['additionalProperties'])}}}"
    return " ".join(filter(None, (schema.get("type"), schema.get("format"))))
