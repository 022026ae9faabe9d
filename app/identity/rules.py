"""The rules for an account's name, e-mail address and texts."""

import re
import string
from typing import Final

from app.core.errors import FieldInvalid

TEXT_LIMIT: Final = 255
_COMMENT_LIMIT: Final = 30
_FORBIDDEN_IN_NAMES: Final = re.compile(r'[,"~#%$\x00-\x1f\x7f]')
_ASCII_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@#\s\x00-\x1f\x7f]+")
"""No ``#`` in the domain, which marks the address of a deleted account."""


def require_username(username: str) -> None:
    """Raise FieldInvalid unless an account may have this name."""
    if not 0 < len(username) <= TEXT_LIMIT or _FORBIDDEN_IN_NAMES.search(username):
        raise FieldInvalid("username", 'a name of 1 to 255 characters without , " ~ # % $ and control characters')


def require_profile(email: str, realname: str, comment: str) -> None:
    """Raise FieldInvalid unless an account may have this address, full name and comment."""
    if not is_email(email):
        raise FieldInvalid("email", "an e-mail address of at most 255 characters")
    if len(realname) > TEXT_LIMIT:
        raise FieldInvalid("realname", f"at most {TEXT_LIMIT} characters")
    if len(comment) > _COMMENT_LIMIT:
        raise FieldInvalid("comment", f"at most {_COMMENT_LIMIT} characters")


def is_email(text: str) -> bool:
    """Tell whether an account may have this e-mail address."""
    return len(text) <= TEXT_LIMIT and _EMAIL.fullmatch(text) is not None


def require_realname(realname: str) -> None:
    """Raise FieldInvalid for a new account without a full name."""
    if not realname.strip():
        raise FieldInvalid("realname", f"a name of 1 to {TEXT_LIMIT} characters")


def email_key(email: str) -> str:
    """Return the address in the form for comparisons: A to Z in lower case, other letters unchanged.

    Domains are compared without case, and two spellings never mean two mailboxes. Letters of other alphabets are
    unchanged, because folding them would make different addresses equal.
    """
    return email.translate(_ASCII_LOWER)


def freed(text: str, user_id: int) -> str:
    """Return the name or address for a deleted account, ``name#id`` cut to fit, so that its own can be used again."""
    mark = f"#{user_id}"
    return text[: TEXT_LIMIT - len(mark)] + mark
