"""Schemas made into plain functions that write things as ``Schema.dump`` does, in a fraction of its time.

Long lists spend most of their time in a schema's general machinery. What a field does is looked up once, here; a field
or schema of a kind that is not known here writes itself.
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
"""Fields that write a value of exactly this type as it is."""


def dumper(schema: Schema) -> Dumper:
    """The function that writes one thing, an object or a mapping, as the ``schema`` for one thing does."""
    if not _is_plain(schema):
        return lambda thing: schema.dump(thing, many=False)
    plain = [
        (field.data_key or name, field.attribute or name, *_written(field))
        for name, field in schema.dump_fields.items()
    ]

    def dump(thing: Any) -> dict[str, Any]:  # noqa: ANN401 - any view
        values = thing.get if isinstance(thing, Mapping) else None
        shown = {}
        for key, attribute, write, absent in plain:
            value = values(attribute, missing) if values else getattr(thing, attribute, missing)
            value = absent if value is missing else write(value)
            if value is not missing:
                shown[key] = value
        return shown

    return _with_slots(dump) if isinstance(schema, SlottedSchema) else dump


def _with_slots(dump: Dumper) -> Dumper:
    """The same with the members that other features have put ready, if the view has any."""

    def dump_with_slots(thing: Any) -> dict[str, Any]:  # noqa: ANN401 - any view
        return {**dump(thing), **getattr(thing, "slots", {})}

    return dump_with_slots


def _is_plain(schema: Schema) -> bool:
    """Whether the schema's fields alone decide what is written."""
    hooks = schema._hooks["post_dump"] or schema._hooks["pre_dump"]  # noqa: SLF001 - marshmallow tells it nowhere else
    own_access = type(schema).get_attribute is not Schema.get_attribute
    return not (hooks or own_access) and not any(
        "." in (field.attribute or "") or field.dump_default is not missing for field in schema.fields.values()
    )


def _written(field: fields.Field[Any]) -> tuple[_Writer, Any]:
    """What the field writes for a value and for none; ``missing`` when it is left out."""
    convert = _converter(field)
    if type(field) in _OMITTING:
        write = _omitting(field, convert)
        if field.ours:  # type: ignore[attr-defined] # the fields' other half
            return (lambda value: write(value) if additions.asked_for() else missing), missing
        return write, write(None)
    if type(field) is Moment:
        unset = missing if field._nullable else ZERO_MOMENT  # noqa: SLF001 - the fields' other half
        return (lambda value: unset if value is None else convert(value)), unset
    if type(field) in _LISTS:
        write = _listed(field, convert)
        return write, write(None)
    return (lambda value: field.serialize("value", None, lambda *_: value)), missing


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
    """What the field makes of a value that is there."""
    kind = type(field)
    if kind in _AS_IS:
        same = _AS_IS[kind]
        return lambda value: value if type(value) is same else field._serialize(value, None, None)  # noqa: SLF001 - its own
    if kind is Moment:
        return iso_milliseconds
    if kind in _LISTS:
        inner = _converter(field.inner)
        return lambda value: [None if each is None else inner(each) for each in value]
    if kind in (Part, fields.Nested) and not field.many:
        return dumper(field.schema)
    return lambda value: field._serialize(value, None, None)  # noqa: SLF001 - its own
