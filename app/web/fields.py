"""Schema fields that leave out what Harbor's typed clients expect to be absent.

What is ``ours`` alone is left out unless the request asks for it.
Texts, numbers and flags are left out when empty unless ``keep``, nullable ones when None only; lists are always there;
parts and maps are left out when there is nothing; moments are always there, with the zero moment for None, unless
they are nullable.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, missing

from app.core.clock import iso_milliseconds
from app.web import additions

ZERO_MOMENT: Final = "0001-01-01T00:00:00.000Z"
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


class _Omitting(fields.Field[Any]):
    """A field that is absent when it is empty."""

    empty: Any = None

    def __init__(
        self,
        *inner: Any,  # noqa: ANN401 - marshmallow's
        keep: bool = False,
        nullable: bool = False,
        ours: bool = False,
        form: str | None = None,
        **options: Any,  # noqa: ANN401 - marshmallow's
    ) -> None:
        marks = ({"x-omitempty": False} if keep else {}) | ({additions.MARK: True} if ours else {})
        shown = ({"x-nullable": True} if nullable else {}) | ({"format": form} if form else {})
        super().__init__(*inner, metadata={**options.pop("metadata", {}), **shown, **marks}, **options)
        self._keep = keep
        self._nullable = nullable
        self.ours = ours

    def serialize(self, attr: str, obj: Any, accessor: Any = None, **options: Any) -> Any:  # noqa: ANN401 - marshmallow's
        """The value on the wire, ``missing`` when it is left out."""
        if self.ours and not additions.asked_for():
            return missing
        value = super().serialize(attr, obj, accessor, **options)
        if value is None or value is missing:
            return self.empty if self._keep else missing
        shown = self._keep or self._nullable or bool(value)
        return value if shown else missing


class Text(_Omitting, fields.String):
    """A text that every database can store: no NUL, no half characters."""

    empty = ""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:  # noqa: ANN401 - marshmallow's
        text = super()._deserialize(value, attr, data, **kwargs)
        if _UNSTORABLE.search(text):
            raise ValidationError("the text holds a NUL or half a character")
        return text


class Flag(_Omitting, fields.Boolean):
    """Yes or no, as ``true`` or ``false``: Harbor takes neither numbers nor words such as ``"off"`` for either."""

    empty = False

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:  # noqa: ANN401, ARG002 - marshmallow's
        if isinstance(value, bool):
            return value
        raise self.make_error("invalid", input=value)


class Switch(fields.Boolean):
    """Yes or no as a query or header parameter; what is neither counts as not given."""

    def deserialize(
        self,
        value: Any,  # noqa: ANN401 - marshmallow's
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 - marshmallow's
    ) -> Any:  # noqa: ANN401 - marshmallow's
        """The value, or what the parameter's absence means."""
        given = value.lower() if isinstance(value, str) else value
        try:
            return super().deserialize(given, attr, data, **kwargs)
        except ValidationError:
            return super().deserialize(missing, attr, data, **kwargs)


class Number(_Omitting, fields.Integer):
    """A whole number of at most 64 bits, 32 with that format; not ``strict`` for parameters, which are text."""

    empty = 0

    def __init__(self, *, form: str | None = "int64", strict: bool = True, **options: Any) -> None:  # noqa: ANN401 - marshmallow's
        super().__init__(form=form, strict=strict, **options)
        self._bound = 2**31 if form == "int32" else 2**63

    def _validated(self, value: Any) -> Any:  # noqa: ANN401 - marshmallow's
        number = super()._validated(value)
        if not -self._bound <= number < self._bound:
            raise ValidationError("the number is too large")
        return number


class Moment(fields.Field[datetime]):
    """A moment as RFC 3339 with milliseconds."""

    def __init__(self, *, nullable: bool = False, **options: Any) -> None:  # noqa: ANN401 - marshmallow's
        marks = {"x-nullable": True, "x-omitempty": True} if nullable else {}
        super().__init__(metadata={"type": "string", "format": "date-time", **marks}, **options)
        self._nullable = nullable

    def serialize(self, attr: str, obj: Any, accessor: Any = None, **options: Any) -> Any:  # noqa: ANN401 - marshmallow's
        """The value on the wire, ``missing`` when it is left out."""
        value = super().serialize(attr, obj, accessor, **options)
        if value is None or value is missing:
            return missing if self._nullable else ZERO_MOMENT
        return value

    def _serialize(self, value: datetime | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ANN401, ARG002 - marshmallow's
        return None if value is None else iso_milliseconds(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> datetime:  # noqa: ANN401, ARG002 - marshmallow's
        try:
            return datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise ValidationError("not a valid date-time") from None


class Items(fields.List[Any]):
    """A list, null when there is none (or it is empty, with ``empty_as_null``); ``optional`` ones are left out then."""

    def __init__(self, inner: Any, *, optional: bool = False, empty_as_null: bool = False, **options: Any) -> None:  # noqa: ANN401 - marshmallow's
        super().__init__(inner, metadata={"x-omitempty": True} if optional else {}, **options)
        self._optional = optional
        self._empty_as_null = empty_as_null

    def serialize(self, attr: str, obj: Any, accessor: Any = None, **options: Any) -> Any:  # noqa: ANN401 - marshmallow's
        """The value on the wire, ``missing`` when it is left out."""
        value = super().serialize(attr, obj, accessor, **options)
        if value is None or value is missing or (self._empty_as_null and not value):
            return missing if self._optional else None
        return value


class Parts(Items):
    """A list of objects of one schema."""

    def __init__(self, schema: type[Schema], **options: Any) -> None:  # noqa: ANN401 - marshmallow's
        super().__init__(fields.Nested(schema), **options)


class Part(_Omitting, fields.Nested):
    """An object of another schema, left out when there is none."""


class Map(_Omitting, fields.Dict):
    """Free keys with values of one kind; left out when there are none."""
