"""Grammar of project names, repository names, tags and manifest references."""

import re
from typing import Self

from app.core.digest import Digest
from app.core.errors import NameInvalid, TagInvalid

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})+")
_PROJECT = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
NAME_LIMIT = 255
"""The most bytes of a repository name; many clients limit host, slash and name together to 255."""


class RepositoryName(str):
    """A repository's full name, ``project/rest``; usable wherever a string is."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the name, or raise NameInvalid (distribution-spec, Pulling manifests; at least two components)."""
        if len(text) <= NAME_LIMIT and _NAME.fullmatch(text):
            return cls(text)
        raise NameInvalid(
            f"invalid repository name {text[:300]!r}: expected project/repository of lower-case letters, digits and "
            f"single separators, at most {NAME_LIMIT} characters"
        )

    @property
    def project(self) -> str:
        """The first component."""
        return self.partition("/")[0]

    @property
    def within_project(self) -> str:
        """All but the first component."""
        return self.partition("/")[2]


def is_project_name(text: str) -> bool:
    """Tell whether ``text`` may name a project: 1 to 255 characters of Harbor's grammar."""
    return len(text) <= NAME_LIMIT and _PROJECT.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Tell whether ``text`` is a tag by the specification's grammar."""
    return _TAG.fullmatch(text) is not None


def parse_tag(text: str) -> str:
    """Return the tag, or raise TagInvalid."""
    if is_tag(text):
        return text
    raise TagInvalid(
        f"invalid tag {text[:160]!r}: expected 1 to 128 letters, digits, '_', '.', '-', not starting with '.' or '-'"
    )


def is_digest(reference: str) -> bool:
    """Tell whether a manifest reference is a digest (it holds a colon) rather than a tag."""
    return ":" in reference


def parse_reference(reference: str) -> Digest | str:
    """Return a Digest or a tag, or raise DigestInvalid or TagInvalid."""
    return Digest.parse(reference) if is_digest(reference) else parse_tag(reference)
