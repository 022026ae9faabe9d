"""What schemas leave out and what they keep, as Harbor's typed clients expect."""

from datetime import UTC, datetime

import pytest
from marshmallow import ValidationError, fields

from app.web.fields import Flag, Items, Map, Moment, Number, Part, Text
from app.web.schemas import HarborSchema


class InnerSchema(HarborSchema):
    name = Text()


class ThingSchema(HarborSchema):
    text = Text()
    kept = Text(keep=True)
    count = Number()
    kept_count = Number(keep=True)
    flag = Flag()
    nullable_flag = Flag(nullable=True)
    elements = Items(fields.String())
    optional_elements = Items(fields.String(), optional=True)
    moment = Moment()
    optional_moment = Moment(nullable=True)
    part = Part(InnerSchema)
    mapping = Map(values=fields.String())


def dumped(**values: object) -> object:
    return ThingSchema().dump(values)


ALWAYS = {"kept": "", "kept_count": 0, "elements": None, "moment": "0001-01-01T00:00:00.000Z"}


def test_nothing_leaves_only_what_is_always_there() -> None:
    assert dumped() == ALWAYS


def test_empty_values_are_left_out() -> None:
    empty = dumped(text="", count=0, flag=False, part=None, mapping={}, optional_elements=None, optional_moment=None)
    assert empty == ALWAYS


def test_values_are_kept() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 6789, tzinfo=UTC)
    assert dumped(nullable_flag=False, elements=[], moment=moment, part={"name": "x"}, mapping={"a": "b"}) == ALWAYS | {
        "nullable_flag": False,
        "elements": [],
        "moment": "2026-01-02T03:04:05.006Z",
        "part": {"name": "x"},
        "mapping": {"a": "b"},
    }


def test_unknown_fields_and_nulls_are_ignored() -> None:
    assert ThingSchema().load({"text": None, "other": 1, "count": 3}) == {"count": 3}


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, "3", 1.5])
def test_numbers_are_64_bit_integers(number: object) -> None:
    with pytest.raises(ValidationError):
        ThingSchema().load({"count": number})
