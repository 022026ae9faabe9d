"""The events of immutability rules."""

from dataclasses import dataclass

from app.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmutableRuleEvent(Event):
    """An event of an immutability rule of a project."""

    resource_type = "immutable-tag"

    project_id: int
    rule_id: int

    @property
    def resource(self) -> str:
        """The rule's id."""
        return str(self.rule_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmutableRuleCreated(ImmutableRuleEvent):
    """An immutability rule was created."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmutableRuleUpdated(ImmutableRuleEvent):
    """An immutability rule was changed, enabled or disabled."""

    operation = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImmutableRuleDeleted(ImmutableRuleEvent):
    """An immutability rule was deleted."""

    operation = "delete"
