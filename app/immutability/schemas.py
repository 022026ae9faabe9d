"""Immutability rules in the form of the management API."""

from marshmallow import fields

from app.web.fields import Flag, Map, Number, Parts, Text
from app.web.schemas import HarborSchema, ParameterSchema


class ImmutableSelectorSchema(HarborSchema):
    """A choice of repositories or of tags."""

    kind = Text()
    decoration = Text()
    pattern = Text()
    extras = Text()


class ImmutableRuleSchema(HarborSchema):
    """A rule that protects tags."""

    id = Number(form=None)
    priority = Number(form=None)
    disabled = Flag()
    action = Text()
    template = Text()
    params = Map(values=fields.Raw(metadata={"type": "object"}))
    tag_selectors = Parts(ImmutableSelectorSchema)
    scope_selectors = Map(keys=fields.String(), values=Parts(ImmutableSelectorSchema))


class ImmutabilityVerdictSchema(HarborSchema):
    """Whether a tag is protected, and the rules that do it."""

    immutable = Flag(keep=True)
    rules = Parts(ImmutableRuleSchema)


class TriedTagParameters(ParameterSchema):
    """The repository, without its project, and the tag to try."""

    repository = fields.String(required=True)
    tag = fields.String(required=True)
