"""Compile schemas to functions that do what ``Schema.dump`` does in a fraction of its time.

Long lists spend most of their time in marshmallow's general machinery. Here each field's conversion is looked up once;
a field or schema of an unknown class is dumped by marshmallow.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from marshmallow import Schema, fields, missing

from app.core.clock import iso_milliseconds
from app.web import additions
from app.web.fields import ZERO_MOMENT, Flag, Items, Map, Moment, Number, Part, Parts, Text
from app.web.schemas import SlottedSchema

Dumper = Callable[[Any], dict[str, Any]]
_Writer = Callable[[Any], Any]
_OMITTING: Final = (Text, Flag, Number, Part, Map)
_LISTS: Final = (Items, Parts)
_AS_IS: Final[Mapping[type, type]] = {Text: str, Flag: bool, Number: int}
"""Field class -> the type whose values it dumps unchanged."""


def dumper(schema: Schema) -> Dumper:
    """Return a function that dumps one object or mapping as ``schema.dump`` does."""
    if not _is_plain(schema):
        return lambda view: schema.dump(view, many=False)
    plain = [
        (field.data_key or name, field.attribute or name, *_written(field))
        for name, field in schema.dump_fields.items()
    ]

    def dump(view: Any) -> dict[str, Any]:  # noqa: ANN401 - any view
        values = view.get if isinstance(view, Mapping) else None
        shown = {}
        for key, attribute, write, absent in plain:
            value = values(attribute, missing) if values else getattr(view, attribute, missing)
            value = absent if value is missing else write(value)
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
    """Tell whether the schema's fields alone decide the result: no hooks, access of its own, or defaults."""
    hooks = schema._hooks["post_dump"] or schema._hooks["pre_dump"]  # noqa: SLF001 - marshmallow tells it nowhere else
    own_access = type(schema).get_attribute is not Schema.get_attribute
    return not (hooks or own_access) and not any(
        "." in (field.attribute or "") or field.dump_default is not missing for field in schema.fields.values()
    )


def _written(field: fields.Field[Any]) -> tuple[_Writer, Any]:
    """Return the field's writer, and its result for an absent value; ``missing`` leaves the field out."""
    convert = _converter(field)
    if type(field) in _OMITTING:
        return _for_whom(field, _omitting(field, convert))
    if type(field) is Moment:
        unset = missing if field._nullable else ZERO_MOMENT  # noqa: SLF001 - the fields' other half
        return (lambda value: unset if value is None else convert(value)), unset
    if type(field) in _LISTS:
        return _for_whom(field, _listed(field, convert))
    return (lambda value: field.serialize("value", None, lambda *_: value)), missing


def _for_whom(field: Any, write: _Writer) -> tuple[_Writer, Any]:  # noqa: ANN401 - one of _OMITTING or _LISTS
    """Return the writer and its result for an absent value, which leave out a field that is ours unless asked for."""
    if field.ours:
        return (lambda value: write(value) if additions.asked_for() else missing), missing
    return write, write(None)


def _omitting(field: Any, convert: _Writer) -> _Writer:  # noqa: ANN401 - one of _OMITTING
    unset = field.empty if field._keep else missing  # noqa: SLF001 - the fields' other half
    if field._keep or field._nullable:  # noqa: SLF001 - as above
        return lambda value: unset if value is None else convert(value)
    return lambda value: (convert(value) or missing) if value is not None else unset


def _listed(field: Any, convert: _Writer) -> _Writer:  # noqa: ANN401 - one of _LISTS
    unset = missing if field._optional else None  # noqa: SLF001 - the fields' other half
    empty_as_null = field._empty_as_null  # noqa: SLF001 - as above
    return lambda value: unset if value is None or (empty_as_null and not value) else convert(value)


def _converter(field: Any) -> _Writer:  # noqa: ANN401 - any field
    """Return the function that converts the field's values other than None."""
    kind = type(field)
    if kind in _AS_IS:
        same = _AS_IS[kind]
        return lambda value: value if type(value) is same else field._serialize(value, None, None)  # noqa: SLF001 - its own
    if kind is Moment:
        return iso_milliseconds
    if kind in _LISTS:
        inner = _converter(field.inner)
        return lambda value: [None if item is None else inner(item) for item in value]
    if kind in (Part, fields.Nested) and not field.many:
        return dumper(field.schema)
    return lambda value: field._serialize(value, None, None)  # noqa: SLF001 - its own
