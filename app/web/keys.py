"""Parse path parameters that are a name or an id."""

import re
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_LARGEST: Final = 2**63 - 1


def name_or_id(text: str, *, is_name: bool = False) -> str | int:
    """Return a project's id when ``text`` is a 64-bit number, else its name; always the name when ``is_name``."""
    if is_name or not _NUMBER.fullmatch(text) or not -_LARGEST <= int(text) <= _LARGEST:
        return text
    return int(text)
