"""The base classes of schemas, the parameters of lists, and the models of errors."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, fields, pre_load, validate

from app.core.paging import MOST_ROWS, PAGE_SIZE_LIMIT, OffsetPage
from app.core.query import ListQuery
from app.web.fields import Number, Parts, Text
from app.web.query import parse_sort, parse_terms

_LAST_PAGE: Final = 10**15


class HarborSchema(Schema):
    """A model of the management API; as in Harbor, unknown fields are ignored and null counts as absent."""

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def _without_nulls(self, body: Any, **_: Any) -> Any:  # noqa: ANN401 - whatever the body holds
        if not isinstance(body, Mapping) or all(value is not None for value in body.values()):
            return body
        return {key: value for key, value in body.items() if value is not None}


class SlottedSchema(HarborSchema):
    """A model that other features add members to; a view holds them in ``slots``, ready to be written."""


class TextsSchema(Schema):
    """A body that is an object of texts, loaded as ``texts``."""

    texts = fields.Dict(keys=Text(), values=Text(), required=True)

    @pre_load
    def _whole(self, body: Any, **_: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever the body holds
        return {"texts": body}


class ParameterSchema(Schema):
    """Query or header parameters; unknown ones are ignored."""

    class Meta:
        unknown = EXCLUDE


class PageParameters(ParameterSchema):
    """``page`` and ``page_size``; size 0 asks for everything, up to MOST_ROWS."""

    page = Number(strict=False, load_default=1)
    page_size = Number(strict=False, load_default=10, validate=validate.Range(max=PAGE_SIZE_LIMIT))


class ListParameters(PageParameters):
    """The parameters of every list."""

    q = fields.String()
    sort = fields.String()


class ErrorSchema(HarborSchema):
    """One error."""

    code = Text(metadata={"description": "The error code"})
    message = Text(metadata={"description": "The error message"})


class ErrorsSchema(HarborSchema):
    """The body of every error answer."""

    errors = Parts(ErrorSchema)


def page_of(parameters: Mapping[str, Any]) -> OffsetPage:
    """Return the page of loaded PageParameters; numbers below 1 mean page 1, sizes below 1 the first MOST_ROWS rows."""
    number, size = parameters["page"], parameters["page_size"]
    return OffsetPage(number=min(max(number, 1), _LAST_PAGE), size=size) if size > 0 else OffsetPage(size=MOST_ROWS)


def list_query(parameters: Mapping[str, Any]) -> ListQuery:
    """Return the query of loaded ListParameters; InvalidError when ``q`` or ``sort`` is malformed."""
    return ListQuery(
        terms=parse_terms(parameters.get("q")), sort=parse_sort(parameters.get("sort")), page=page_of(parameters)
    )
