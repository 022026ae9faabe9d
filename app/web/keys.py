"""Path values that name one thing in two ways."""

import re
from typing import Final

_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
_LARGEST: Final = 2**63 - 1


def name_or_id(text: str, *, is_name: bool = False) -> str | int:
    """A project's id when ``text`` is a 64-bit number and was not said to be a name, else its name."""
    if is_name or not _NUMBER.fullmatch(text) or not -_LARGEST <= int(text) <= _LARGEST:
        return text
    return int(text)
