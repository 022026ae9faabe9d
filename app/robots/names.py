"""Names of robots: what may be chosen, what is stored, and what the robot logs in with."""

import re

from app.core.errors import FieldInvalid

_GRAMMAR = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
_LIMIT = 255
"""Characters of a full name, as of every name that logs in."""
_BETWEEN = "+"


def check_name(name: str) -> None:
    """Raise FieldInvalid for a name outside the grammar; a ``+`` would make it another project's."""
    if not _GRAMMAR.fullmatch(name):
        raise FieldInvalid("name", "lower-case letters, digits and single separators '.', '_' or '-' between them")


def stored_name(name: str, project: str | None) -> str:
    """The name as it is stored and unique: with the project's in front for a project's robot."""
    return name if project is None else f"{project}{_BETWEEN}{name}"


def full_name(prefix: str, stored: str) -> str:
    """The name that the robot logs in with; FieldInvalid when it would be too long for that."""
    if len(prefix) + len(stored) > _LIMIT:
        raise FieldInvalid(
            "name", f"so short that it has at most {_LIMIT} characters together with what stands before it"
        )
    return prefix + stored
