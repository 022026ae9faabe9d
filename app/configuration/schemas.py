"""The schemas of the configuration in the management API, built from the declared keys."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from app.configuration.key import Key, Readers, Wire
from app.web.fields import Flag, Number, Part, Text
from app.web.schemas import HarborSchema

_OMITTED: Final = {"x-omitempty": True}
_NULLABLE: Final = frozenset({"primary_auth_mode"})
"""The keys that Harbor's API document declares nullable; null is accepted for all."""


class StringConfigItemSchema(HarborSchema):
    """A text and whether it can be changed."""

    value = Text(keep=True)
    editable = Flag(keep=True)
    variable = Text(ours=True)


class BoolConfigItemSchema(HarborSchema):
    """A switch and whether it can be changed."""

    value = Flag(keep=True)
    editable = Flag(keep=True)
    variable = Text(ours=True)


class IntegerConfigItemSchema(HarborSchema):
    """A number and whether it can be changed."""

    value = Number(keep=True, form=None)
    editable = Flag(keep=True)
    variable = Text(ours=True)


class InternalConfigurationValueSchema(HarborSchema):
    """A value of any kind and whether it can be changed."""

    value = fields.Raw(metadata={"type": "object"})
    editable = Flag(keep=True)


class _Bare(fields.Raw):
    """A value that is written without telling whether it can be changed."""

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - marshmallow's
        return value.value


_ITEMS: Final = {
    Wire.STRING: StringConfigItemSchema,
    Wire.BOOLEAN: BoolConfigItemSchema,
    Wire.INTEGER: IntegerConfigItemSchema,
}


def response_schema(keys: Mapping[str, Key[Any]]) -> type[HarborSchema]:
    """Return the schema of the settings that administrators see, by name."""
    shown = {name: _shown(key) for name, key in keys.items() if key.readers is not Readers.PRODUCT}
    return HarborSchema.from_dict(shown, name="ConfigurationsResponseSchema")  # type: ignore[return-value] # it is one


def request_schema(keys: Mapping[str, Key[Any]]) -> type[HarborSchema]:
    """Return the schema of a change: the values of the keys to set, by name."""
    settable = {name: _settable(key) for name, key in keys.items() if key.settable}
    return HarborSchema.from_dict(settable, name="ConfigurationsSchema")  # type: ignore[return-value] # it is one


def _shown(key: Key[Any]) -> fields.Field[Any]:
    if key.kind.wire is Wire.OBJECT:
        return _Bare(metadata={"type": "object"})
    return Part(_ITEMS[key.kind.wire], ours=key.ours)


def _settable(key: Key[Any]) -> fields.Field[Any]:
    described: dict[str, Any] = {"metadata": _OMITTED, "nullable": key.name in _NULLABLE, "ours": key.ours}
    match key.kind.wire:
        case Wire.BOOLEAN:
            return Flag(**described)
        case Wire.INTEGER:
            return Number(form=None, **described)
        case _:
            return Text(**described)
