"""Validation of immutability rules, without I/O."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.core.errors import FieldInvalid, InvalidError
from app.immutability.doublestar import Pattern
from app.immutability.results import ACTION, DOUBLESTAR, REPOSITORY, TEMPLATE, Decoration, Selector, Selectors

MOST_RULES: Final = 50
"""The most rules of a project."""
MOST_SELECTORS: Final = 10
"""The most selectors in each list of a rule."""
_MOST_EXTRAS: Final = 1024
_OF_REPOSITORIES: Final = (Decoration.REPOSITORY_MATCHES, Decoration.REPOSITORY_EXCLUDES)
_OF_TAGS: Final = (Decoration.MATCHES, Decoration.EXCLUDES)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleFields:
    """What can be set of a rule."""

    selectors: Selectors | None
    """None to leave them as they are."""
    priority: int
    disabled: bool


def require_rule(body: Mapping[str, Any]) -> RuleFields:
    """Return a whole rule as it was sent; FieldInvalid names what is wrong."""
    return RuleFields(
        selectors=_require_selectors(body),
        priority=body.get("priority", 0),
        disabled=body.get("disabled", False),
    )


def require_change(body: Mapping[str, Any], rule_id: int) -> RuleFields:
    """Return a whole rule, or without selectors a switch, as it was sent to the rule's path; FieldInvalid otherwise.

    A body without an id is about the rule of the path.
    """
    if body.get("id", rule_id) != rule_id:
        raise FieldInvalid("id", f"the id in the path, {rule_id}")
    if body.get("tag_selectors") or body.get("scope_selectors"):
        return require_rule(body)
    return RuleFields(selectors=None, priority=0, disabled=body.get("disabled", False))


def _require_selectors(body: Mapping[str, Any]) -> Selectors:
    for name, value in (("action", ACTION), ("template", TEMPLATE)):
        if body.get(name, "") not in ("", value):
            raise FieldInvalid(name, value)
    if body.get("params"):
        raise FieldInvalid("params", f"empty, as {TEMPLATE} takes none")
    scopes = body.get("scope_selectors", {})
    if others := sorted(scope for scope in scopes if scope != REPOSITORY):
        raise FieldInvalid("scope_selectors", f"selectors of {REPOSITORY} alone, not of {others[0][:100]!r}")
    return Selectors(
        repositories=_selectors(f"scope_selectors.{REPOSITORY}", scopes.get(REPOSITORY) or (), _OF_REPOSITORIES),
        tags=_selectors("tag_selectors", body.get("tag_selectors") or (), _OF_TAGS),
    )


def _selectors(name: str, bodies: Sequence[Mapping[str, Any]], known: Sequence[Decoration]) -> tuple[Selector, ...]:
    if not 1 <= len(bodies) <= MOST_SELECTORS:
        raise FieldInvalid(name, f"1 to {MOST_SELECTORS} selectors")
    return tuple(_selector(f"{name}[{place}]", body, known) for place, body in enumerate(bodies))


def _selector(name: str, body: Mapping[str, Any], known: Sequence[Decoration]) -> Selector:
    if body.get("kind", "") not in ("", DOUBLESTAR):
        raise FieldInvalid(f"{name}.kind", DOUBLESTAR)
    decoration, pattern, extras = body.get("decoration", ""), body.get("pattern", ""), body.get("extras", "")
    if decoration not in known:
        raise FieldInvalid(f"{name}.decoration", " or ".join(known))
    if not pattern:
        raise FieldInvalid(f"{name}.pattern", "a pattern such as **")
    if len(extras) > _MOST_EXTRAS:
        raise FieldInvalid(f"{name}.extras", f"at most {_MOST_EXTRAS} characters")
    try:
        Pattern(pattern)
    except InvalidError as problem:
        raise FieldInvalid(f"{name}.pattern", f"a doublestar pattern: it has {problem.message}") from problem
    return Selector(decoration=decoration, pattern=pattern, extras=extras)
