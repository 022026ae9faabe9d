"""Compile schemas to functions that do what ``Schema.dump`` does in a fraction of its time.

Long lists spend most of their time in general machinery. Here a field is asked once what it writes for None and for an
empty value, and values of the expected type are written without it; the rest is written by marshmallow.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from marshmallow import Schema, fields, missing

from app.core.clock import iso_milliseconds
from app.web import additions
from app.web.fields import Flag, Items, Moment, Number, Part, Text
from app.web.schemas import HarborSchema, SlottedSchema

Dumper = Callable[[Any], dict[str, Any]]
_Writer = Callable[[Any], Any]
"""Takes a value, ``missing`` for an absent one; returns what to write, ``missing`` to leave the field out."""
_AS_IS: Final[Mapping[type, type]] = {Text: str, fields.String: str, Flag: bool, Number: int}
"""Field class -> the type whose values it writes unchanged."""


def dumper(schema: Schema) -> Dumper:
    """Return a function that dumps one object or mapping as ``schema.dump`` does.

    A HarborSchema must have no hooks of its own for dumping; any other schema may.
    """
    if not _is_plain(schema):
        return lambda view: schema.dump(view, many=False)
    plain = [
        (field.data_key or name, field.attribute or name, _writer(field)) for name, field in schema.dump_fields.items()
    ]

    def dump(view: Any) -> dict[str, Any]:  # noqa: ANN401 - any view
        values = view.get if isinstance(view, Mapping) else None
        shown = {}
        for key, attribute, write in plain:
            value = write(values(attribute, missing) if values else getattr(view, attribute, missing))
            if value is not missing:
                shown[key] = value
        return shown

    return _with_slots(dump) if isinstance(schema, SlottedSchema) else dump


def _with_slots(dump: Dumper) -> Dumper:
    """Extend ``dump`` by the members that other features have added to a view's ``slots``."""

    def dump_with_slots(view: Any) -> dict[str, Any]:  # noqa: ANN401 - any view
        return {**dump(view), **getattr(view, "slots", {})}

    return dump_with_slots


def _is_plain(schema: Schema) -> bool:
    """Tell whether the schema's fields alone decide the result: no access of its own, or defaults."""
    own_access = type(schema).get_attribute is not Schema.get_attribute
    return isinstance(schema, HarborSchema) and not (
        own_access
        or any("." in (field.attribute or "") or field.dump_default is not missing for field in schema.fields.values())
    )


def _writer(field: fields.Field[Any]) -> _Writer:
    general = _general(field)
    if getattr(field, "ours", False):
        return lambda value: general(value) if additions.asked_for() else missing
    if type(field) in _AS_IS:
        return _plain_writer(general, _AS_IS[type(field)])
    if isinstance(field, Moment):
        return _moment_writer(general)
    if isinstance(field, Part) and not field.many:
        return _part_writer(field, general)
    if isinstance(field, Items):
        return _list_writer(field.inner, general)
    return general


def _general(field: fields.Field[Any]) -> _Writer:
    return lambda value: field.serialize("value", value, _itself)


def _itself(value: Any, *_: Any) -> Any:  # noqa: ANN401 - any value
    return value


def _plain_writer(general: _Writer, kind: type) -> _Writer:
    empty, unset = general(kind()), general(None)

    def write(value: Any) -> Any:  # noqa: ANN401 - any value
        if type(value) is kind:
            return value or empty
        return unset if value is None else general(value)

    return write


def _moment_writer(general: _Writer) -> _Writer:
    unset = general(None)

    def write(value: Any) -> Any:  # noqa: ANN401 - any value
        if type(value) is datetime:
            return iso_milliseconds(value)
        return unset if value is None else general(value)

    return write


def _part_writer(field: Part, general: _Writer) -> _Writer:
    dump, unset, shown_empty = dumper(field.schema), general(None), field.keep or field.nullable

    def write(value: Any) -> Any:  # noqa: ANN401 - any value
        if value is None or value is missing:
            return unset if value is None else general(value)
        return dump(value) or ({} if shown_empty else missing)

    return write


def _list_writer(inner: fields.Field[Any], general: _Writer) -> _Writer:
    if type(inner) is fields.Nested and not inner.many:
        return _parts_writer(dumper(inner.schema), general)
    kind = _AS_IS.get(type(inner))
    return lambda value: [*value] if value and all(type(item) is kind for item in value) else general(value)


def _parts_writer(dump: Dumper, general: _Writer) -> _Writer:
    unset = general(None)

    def write(value: Any) -> Any:  # noqa: ANN401 - any value
        if value:
            return [None if item is None else dump(item) for item in value]
        return unset if value is None else general(value)

    return write
