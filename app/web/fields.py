"""Schema fields that leave out empty values as Harbor does.

Texts, numbers and flags are left out when empty, unless ``keep`` is set; nullable ones only when None. Lists are always
written. Parts and maps are left out when empty. Moments are always written, None as the zero moment, unless nullable.
Fields that are ``ours`` (not Harbor's) are left out unless the request asks for them.
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
    """A field that is left out when it is empty."""

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
        self.keep = keep
        self.nullable = nullable
        self.ours = ours

    def serialize(self, attr: str, obj: Any, accessor: Any = None, **options: Any) -> Any:  # noqa: ANN401 - marshmallow's
        """Return the value to write, ``missing`` to leave the field out."""
        if self.ours and not additions.asked_for():
            return missing
        value = super().serialize(attr, obj, accessor, **options)
        if value is None or value is missing:
            return self.empty if self.keep else missing
        shown = self.keep or self.nullable or bool(value)
        return value if shown else missing


class Text(_Omitting, fields.String):
    """A text that every database can store: without NUL and lone surrogates."""

    empty = ""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:  # noqa: ANN401 - marshmallow's
        text = super()._deserialize(value, attr, data, **kwargs)
        if _UNSTORABLE.search(text):
            raise ValidationError("the text holds a NUL or half a character")
        return text


class Flag(_Omitting, fields.Boolean):
    """A JSON boolean; as in Harbor, numbers and words such as ``"off"`` are invalid."""

    empty = False

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:  # noqa: ANN401, ARG002 - marshmallow's
        if isinstance(value, bool):
            return value
        raise self.make_error("invalid", input=value)


class Switch(fields.Boolean):
    """A boolean query or header parameter; an invalid value counts as absent."""

    def deserialize(
        self,
        value: Any,  # noqa: ANN401 - marshmallow's
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,
        **kwargs: Any,  # noqa: ANN401 - marshmallow's
    ) -> Any:  # noqa: ANN401 - marshmallow's
        """Return the boolean, or the parameter's default."""
        lowered = value.lower() if isinstance(value, str) else value
        try:
            return super().deserialize(lowered, attr, data, **kwargs)
        except ValidationError:
            return super().deserialize(missing, attr, data, **kwargs)


class Number(_Omitting, fields.Integer):
    """An integer of 64 bits, or 32 with ``form="int32"``; not ``strict`` for parameters, which are text."""

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
    """A time as RFC 3339 with milliseconds."""

    def __init__(self, *, nullable: bool = False, **options: Any) -> None:  # noqa: ANN401 - marshmallow's
        marks = {"x-nullable": True, "x-omitempty": True} if nullable else {}
        super().__init__(metadata={"type": "string", "format": "date-time", **marks}, **options)
        self._nullable = nullable

    def serialize(self, attr: str, obj: Any, accessor: Any = None, **options: Any) -> Any:  # noqa: ANN401 - marshmallow's
        """Return the value to write, ``missing`` to leave the field out."""
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
    """A list; None, and with ``empty_as_null`` an empty list, is written as null, or left out when ``optional``."""

    def __init__(
        self,
        inner: Any,  # noqa: ANN401 - marshmallow's
        *,
        optional: bool = False,
        empty_as_null: bool = False,
        ours: bool = False,
        **options: Any,  # noqa: ANN401 - marshmallow's
    ) -> None:
        marks = ({"x-omitempty": True} if optional else {}) | ({additions.MARK: True} if ours else {})
        super().__init__(inner, metadata=marks, **options)
        self._optional = optional
        self._empty_as_null = empty_as_null
        self.ours = ours

    def serialize(self, attr: str, obj: Any, accessor: Any = None, **options: Any) -> Any:  # noqa: ANN401 - marshmallow's
        """Return the value to write, ``missing`` to leave the field out."""
        if self.ours and not additions.asked_for():
            return missing
        value = super().serialize(attr, obj, accessor, **options)
        if value is None or value is missing or (self._empty_as_null and not value):
            return missing if self._optional else None
        return value


class Parts(Items):
    """A list of objects of one schema."""

    def __init__(self, schema: type[Schema], **options: Any) -> None:  # noqa: ANN401 - marshmallow's
        super().__init__(fields.Nested(schema), **options)


class Part(_Omitting, fields.Nested):
    """An object of another schema, left out when it is None."""


class Map(_Omitting, fields.Dict):
    """An object of arbitrary keys and values of one kind, left out when empty."""
