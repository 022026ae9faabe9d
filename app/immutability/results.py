"""Immutability rules as values, and the question whether they protect a tag."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final, Self

from app.immutability.doublestar import Pattern

DOUBLESTAR: Final = "doublestar"
"""The only kind of selector."""
ACTION: Final = "immutable"
TEMPLATE: Final = "immutable_template"
REPOSITORY: Final = "repository"
"""The only scope of selectors."""


class Decoration(StrEnum):
    """How a selector chooses by its pattern."""

    REPOSITORY_MATCHES = "repoMatches"
    REPOSITORY_EXCLUDES = "repoExcludes"
    MATCHES = "matches"
    EXCLUDES = "excludes"


EXCLUDING: Final = frozenset({Decoration.REPOSITORY_EXCLUDES, Decoration.EXCLUDES})


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """A choice of repositories, by their names without the project, or of tags."""

    kind: str = DOUBLESTAR
    decoration: str
    pattern: str
    extras: str = ""
    """Kept and shown, of no effect on tags that exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selectors:
    """What a rule protects; as in Harbor, only the first selector of each list counts."""

    repositories: tuple[Selector, ...]
    tags: tuple[Selector, ...]

    @property
    def document(self) -> dict[str, Any]:
        """Return them as they are stored."""
        return asdict(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Return the selectors that were stored."""
        lists = {name: tuple(Selector(**selector) for selector in document[name]) for name in ("repositories", "tags")}
        return cls(**lists)

    @property
    def fingerprint(self) -> str:
        """Return a hash that is the same for equal selectors."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """An immutability rule of a project."""

    id: int
    project_id: int
    priority: int
    disabled: bool
    selectors: Selectors
    action: str = ACTION
    template: str = TEMPLATE
    params: Mapping[str, object] = field(default_factory=dict)

    @property
    def tag_selectors(self) -> Sequence[Selector]:
        """The selectors of tags."""
        return self.selectors.tags

    @property
    def scope_selectors(self) -> Mapping[str, Sequence[Selector]]:
        """The selectors of repositories, by their scope."""
        return {REPOSITORY: self.selectors.repositories}


class Choice:
    """A selector with its pattern compiled when it is first needed."""

    def __init__(self, selector: Selector) -> None:
        self._selector = selector

    @cached_property
    def _pattern(self) -> Pattern:
        return Pattern(self._selector.pattern)

    def chooses(self, name: str) -> bool:
        """Tell whether the selector chooses the name."""
        return self._pattern.matches(name) is not (self._selector.decoration in EXCLUDING)


class Guard:
    """The enabled rules of one project, in the order of their ids."""

    def __init__(self, rules: Sequence[RuleView]) -> None:
        self._rules = [(rule, Choice(rule.selectors.repositories[0]), Choice(rule.selectors.tags[0])) for rule in rules]

    def of_repository(self, repository: str) -> "RepositoryGuard":
        """Return the rules that are about a repository; ``repository`` is its full name, with the project."""
        name = repository.partition("/")[2]
        return RepositoryGuard([(rule, tags) for rule, repositories, tags in self._rules if repositories.chooses(name)])


class RepositoryGuard:
    """The enabled rules about one repository."""

    def __init__(self, rules: Sequence[tuple[RuleView, Choice]]) -> None:
        self._rules = rules

    def __bool__(self) -> bool:
        return bool(self._rules)

    def rules_for(self, tag: str) -> list[RuleView]:
        """Return the rules that protect the tag."""
        return [rule for rule, tags in self._rules if tags.chooses(tag)]

    def rule_or_none(self, tag: str) -> RuleView | None:
        """Return the first rule that protects the tag, None when none does."""
        return next((rule for rule, tags in self._rules if tags.chooses(tag)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a tag is, or would be, protected, and by which rules."""

    rules: Sequence[RuleView]

    @property
    def immutable(self) -> bool:
        """Whether any rule protects the tag."""
        return bool(self.rules)
