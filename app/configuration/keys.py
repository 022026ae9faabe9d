"""Every configuration key, declared once: type, default, and what its value must be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.core.errors import FieldInvalid

_WORDS: Final = {"true": "true", "t": "true", "1": "true", "false": "false", "f": "false", "0": "false"}
_LARGEST: Final = 2**31 - 1
_SIZE_END: Final = 2**63
_SIZE_DIGITS: Final = 19


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key; values are text, as on the wire and in the database."""

    name: str
    default: str
    expectation: str
    """What the value must be, for people."""
    normal: Callable[[str], str | None]
    """The value as it is stored, None when it is wrong."""
    secret: bool = False
    """Never shown."""

    def checked(self, value: str) -> str:
        """The value as it is stored; FieldInvalid when it is wrong."""
        stored = self.normal(value)
        if stored is None:
            raise FieldInvalid(self.name, self.expectation)
        return stored


def _choice(name: str, default: str, *others: str) -> Key:
    choices = (default, *others)
    return Key(
        name=name,
        default=default,
        expectation="one of " + ", ".join(choices),
        normal=lambda value: value if value in choices else None,
    )


def _flag(name: str, *, default: bool) -> Key:
    return Key(
        name=name,
        default="true" if default else "false",
        expectation="true or false",
        normal=lambda value: _WORDS.get(value.lower()),
    )


def _number(name: str, default: int, low: int, high: int = _LARGEST) -> Key:
    def normal(value: str) -> str | None:
        digits = value.strip()
        plain = digits.isascii() and digits.isdigit() and len(digits) <= len(str(high))
        return str(int(digits)) if plain and low <= int(digits) <= high else None

    return Key(name=name, default=str(default), expectation=f"a whole number from {low} to {high}", normal=normal)


def _size(name: str) -> Key:
    def normal(value: str) -> str | None:
        digits = value.strip()
        if digits == "-1":
            return digits
        plain = digits.isascii() and digits.isdigit() and len(digits) <= _SIZE_DIGITS
        return str(int(digits)) if plain and 0 < int(digits) < _SIZE_END else None

    return Key(name=name, default="-1", expectation="a number of bytes, or -1 for no limit", normal=normal)


def _text(name: str, default: str = "", *, empty: bool = True) -> Key:
    return Key(
        name=name,
        default=default,
        expectation="a text" if empty else "a text that is not empty",
        normal=lambda value: value if empty or value.strip() else None,
    )


AUTH_MODE: Final = _choice("auth_mode", "db_auth")
PRIMARY_AUTH_MODE: Final = _flag("primary_auth_mode", default=False)
PROJECT_CREATION_RESTRICTION: Final = _choice("project_creation_restriction", "everyone", "adminonly")
SELF_REGISTRATION: Final = _flag("self_registration", default=False)
ROBOT_NAME_PREFIX: Final = _text("robot_name_prefix", "robot$", empty=False)
ROBOT_TOKEN_DURATION: Final = _number("robot_token_duration", 30, 1)
QUOTA_PER_PROJECT_ENABLE: Final = _flag("quota_per_project_enable", default=True)
STORAGE_PER_PROJECT: Final = _size("storage_per_project")
SESSION_TIMEOUT: Final = _number("session_timeout", 60, 1)
SESSION_LIFETIME: Final = _number("session_lifetime", 7 * 24 * 60, 1)
"""Minutes after which a session ends however often it was renewed."""
NOTIFICATION_ENABLE: Final = _flag("notification_enable", default=True)
BANNER_MESSAGE: Final = _text("banner_message")
IDENTITY_TOKENS: Final = _flag("identity_tokens", default=False)

KEYS: Final[Mapping[str, Key]] = {
    key.name: key
    for key in (
        AUTH_MODE,
        PRIMARY_AUTH_MODE,
        PROJECT_CREATION_RESTRICTION,
        SELF_REGISTRATION,
        ROBOT_NAME_PREFIX,
        ROBOT_TOKEN_DURATION,
        QUOTA_PER_PROJECT_ENABLE,
        STORAGE_PER_PROJECT,
        SESSION_TIMEOUT,
        SESSION_LIFETIME,
        NOTIFICATION_ENABLE,
        BANNER_MESSAGE,
        IDENTITY_TOKENS,
    )
}


def check_pins(pins: Mapping[str, str]) -> dict[str, list[str]]:
    """What is wrong with keys that the environment pins, by variable name; names that are no keys do not matter."""
    mistakes: dict[str, list[str]] = {}
    for name, key in KEYS.items():
        if name in pins and key.normal(pins[name]) is None:
            mistakes[f"HARBOR_{name.upper()}"] = [f"must be {key.expectation}"]
    return mistakes
