"""Compiled dumpers write what ``Schema.dump`` writes."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from marshmallow import Schema, fields, post_dump

from app.web.dumping import dumper
from app.web.fields import Flag, Items, Map, Moment, Number, Part, Parts, Text
from app.web.schemas import HarborSchema

_MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)


class Word(StrEnum):
    YES = "yes"


class Rank(IntEnum):
    FIRST = 1


class InnerSchema(HarborSchema):
    name = Text()
    size = Number(attribute="bytes", keep=True)


class ThingSchema(HarborSchema):
    text = Text()
    kept_text = Text(keep=True)
    nullable_text = Text(nullable=True)
    count = Number()
    kept_count = Number(keep=True)
    nullable_count = Number(nullable=True)
    flag = Flag()
    kept_flag = Flag(keep=True)
    nullable_flag = Flag(nullable=True)
    moment = Moment()
    nullable_moment = Moment(nullable=True)
    elements = Items(Number())
    moments = Items(Moment())
    optional_elements = Items(fields.String(), optional=True)
    no_empty_elements = Items(fields.String(), empty_as_null=True)
    parts = Parts(InnerSchema)
    part = Part(InnerSchema)
    mapping = Map(keys=fields.String(), values=Number())
    free = Map()
    renamed = Text(data_key="Re-Named", attribute="other")
    plain = fields.String()
    nested = fields.Nested(InnerSchema, many=True)


_EMPTY: dict[type, object] = {
    Text: "",
    fields.String: "",
    Number: 0,
    Flag: False,
    Moment: None,
    Items: [],
    Parts: [],
    Part: None,
    Map: {},
    fields.Nested: [],
}
_FULL: dict[str, Any] = {
    "text": "a",
    "kept_text": Word.YES,
    "nullable_text": "",
    "count": 5,
    "kept_count": Rank.FIRST,
    "nullable_count": 0,
    "flag": True,
    "kept_flag": False,
    "nullable_flag": False,
    "moment": _MOMENT,
    "nullable_moment": _MOMENT,
    "elements": (1, None, Rank.FIRST),
    "moments": [_MOMENT, None],
    "optional_elements": [],
    "no_empty_elements": ["x"],
    "parts": [{"name": "", "bytes": 1}, SimpleNamespace(name="n", bytes=0)],
    "part": SimpleNamespace(name="n", bytes=None),
    "mapping": {"a": 1},
    "free": {"a": {"b": None}},
    "other": "o",
    "plain": "",
    "nested": [{"name": "x"}],
}


@pytest.mark.parametrize("name", ["nothing", *_FULL])
@pytest.mark.parametrize("shape", [dict, lambda values: SimpleNamespace(**values)])
def test_what_is_there_is_written_as_before(name: str, shape: Callable[[dict[str, Any]], object]) -> None:
    given = shape({name: _FULL[name]} if name in _FULL else {})
    assert dumper(ThingSchema())(given) == ThingSchema().dump(given)


@pytest.mark.parametrize("given", [_FULL, dict.fromkeys(_FULL)])
def test_whole_things_are_written_as_before(given: dict[str, Any]) -> None:
    written = dumper(ThingSchema(many=True))(given)
    assert written == ThingSchema().dump(given)
    assert [type(value) for value in written.values()] == [type(value) for value in ThingSchema().dump(given).values()]


def test_what_is_empty_is_left_out_as_before() -> None:
    given = {name: _EMPTY[type(ThingSchema().fields[name])] for name in _FULL if name != "other"}
    written = dumper(ThingSchema())(given)
    assert written == ThingSchema().dump(given)
    assert not {"text", "count", "flag", "part", "mapping", "free"} & written.keys()


def test_a_schema_with_hooks_writes_itself() -> None:
    class HookedSchema(Schema):
        name = Text()

        @post_dump
        def _louder(self, shown: dict[str, Any], **_: object) -> dict[str, Any]:
            return shown | {"louder": shown["name"].upper()}

    assert dumper(HookedSchema())({"name": "a"}) == {"name": "a", "louder": "A"}


def test_a_schema_with_an_access_of_its_own_writes_itself() -> None:
    class OwnSchema(Schema):
        name = Text()

        def get_attribute(self, obj: object, attr: str, default: object) -> str:
            return f"{attr} of {obj} or {default is None}"

    assert dumper(OwnSchema())(1) == {"name": "name of 1 or False"}


def test_a_dotted_attribute_is_followed() -> None:
    class DottedSchema(Schema):
        name = Text(attribute="inner.name")

    assert dumper(DottedSchema())({"inner": {"name": "a"}}) == {"name": "a"}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_every_schema_of_the_product_can_be_written(app: Flask) -> None:
    """As marshmallow does, with nothing and with everything: so none has a hook for dumping, which is not called."""
    assert app.blueprints
    schemas = [each for each in _all_of(HarborSchema) if each.__module__.startswith("app.")]
    assert len(schemas) > 20
    for schema in schemas:
        nothing: object = {} if "get_attribute" in vars(schema) else SimpleNamespace()
        for view in (nothing, _filled(schema())):
            assert dumper(schema())(view) == schema().dump(view), schema.__name__


def _all_of(schema: type[Schema]) -> list[type[Schema]]:
    return [each for child in schema.__subclasses__() for each in (child, *_all_of(child))]


def _filled(schema: Schema) -> dict[str, object]:
    """A view that has something in every field."""
    return {field.attribute or name: _something(field) for name, field in schema.dump_fields.items()}


def _something(field: fields.Field[Any]) -> object:
    if isinstance(field, fields.List):
        return [_something(field.inner)]
    if isinstance(field, fields.Nested):
        return [_filled(field.schema)] if field.many else _filled(field.schema)
    kinds = {Moment: _MOMENT, fields.Dict: {}, fields.Boolean: True, fields.Integer: 5, fields.Float: 1.5}
    return next((value for kind, value in kinds.items() if isinstance(field, kind)), "a")
