"""The grammar of an account's name, e-mail address and texts."""

import re
import string
from typing import Final

from app.core.errors import FieldInvalid

TEXT_LIMIT: Final = 255
_COMMENT_LIMIT: Final = 30
_FORBIDDEN_IN_NAMES: Final = re.compile(r'[,"~#%$\x00-\x1f\x7f]')
_ASCII_LOWER: Final = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f\x7f]+@[^@#\s\x00-\x1f\x7f]+")
"""No ``#`` in the second half, by which the address of a deleted account is told from every other."""


def check_username(username: str) -> None:
    """Raise FieldInvalid unless it is a name that an account may have."""
    if not 0 < len(username) <= TEXT_LIMIT or _FORBIDDEN_IN_NAMES.search(username):
        raise FieldInvalid("username", 'a name of 1 to 255 characters without , " ~ # % $ and control characters')


def check_profile(email: str, realname: str, comment: str) -> None:
    """Raise FieldInvalid unless an account may show these."""
    if not is_email(email):
        raise FieldInvalid("email", "an e-mail address of at most 255 characters")
    if len(realname) > TEXT_LIMIT:
        raise FieldInvalid("realname", f"at most {TEXT_LIMIT} characters")
    if len(comment) > _COMMENT_LIMIT:
        raise FieldInvalid("comment", f"at most {_COMMENT_LIMIT} characters")


def is_email(text: str) -> bool:
    """Tell whether an account may have this e-mail address."""
    return len(text) <= TEXT_LIMIT and _EMAIL.fullmatch(text) is not None


def check_realname(realname: str) -> None:
    """Raise FieldInvalid for a new account without a full name."""
    if not realname.strip():
        raise FieldInvalid("realname", f"a name of 1 to {TEXT_LIMIT} characters")


def email_key(email: str) -> str:
    """Return the address as it is compared: without the case of A to Z, and of no other letter.

    Domains are compared like that, and two spellings are never meant as two mailboxes. Other alphabets stay as they
    are, because folding them makes different addresses equal.
    """
    return email.translate(_ASCII_LOWER)


def freed(text: str, user_id: int) -> str:
    """Return what a deleted account is called, so that its name or address is free again: ``name#id``, cut to fit."""
    mark = f"#{user_id}"
    return text[: TEXT_LIMIT - len(mark)] + mark
