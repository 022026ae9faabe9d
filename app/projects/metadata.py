"""The settings a project may carry: one line per key, text on the wire."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from app.core.errors import FieldInvalid, InvalidError

PUBLIC: Final = "public"
RETENTION_ID: Final = "retention_id"
_TRUE: Final = frozenset({"1", "t", "true"})
_FALSE: Final = frozenset({"0", "f", "false"})
_SEVERITIES: Final = frozenset({"none", "low", "medium", "high", "critical"})
_KINDS: Final = frozenset({"doublestar", "regex"})
_INT32_END: Final = 2**31
_INT64_END: Final = 2**63
_DIGITS: Final = 19
_TEXT_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One key: how its value is stored, and what would be right."""

    normal: Callable[[str], str | None]
    """The value as it is stored, None when it is wrong."""
    expectation: str
    nothing: frozenset[str] = frozenset()
    """Of a proxy cache's key: the values, as stored, that ask for nothing."""
    of_proxies: bool = False
    """Whether only proxy caches have it."""


def _flag(value: str) -> str | None:
    word = value.lower()
    return "true" if word in _TRUE else "false" if word in _FALSE else None


def _one_of(words: frozenset[str]) -> Callable[[str], str | None]:
    return lambda value: value.lower() if value.lower() in words else None


def _number(low: int, end: int) -> Callable[[str], str | None]:
    def normal(value: str) -> str | None:
        digits = value.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS and low <= int(value) < end):
            return None
        return str(int(value))

    return normal


def _connections(value: str) -> str | None:
    number = _number(-1, _INT32_END)(value)
    return None if number == "0" else number


_YES_OR_NO: Final = Setting(normal=_flag, expectation="true or false")
_PROXY_FLAG: Final = Setting(normal=_flag, expectation="true or false", nothing=frozenset({"false"}), of_proxies=True)
KEYS: Final[Mapping[str, Setting]] = {
    PUBLIC: _YES_OR_NO,
    "enable_content_trust": _YES_OR_NO,
    "enable_content_trust_cosign": _YES_OR_NO,
    "prevent_vul": _YES_OR_NO,
    "severity": Setting(normal=_one_of(_SEVERITIES), expectation="one of none, low, medium, high, critical"),
    "auto_scan": _YES_OR_NO,
    "auto_sbom_generation": _YES_OR_NO,
    "reuse_sys_cve_allowlist": _YES_OR_NO,
    RETENTION_ID: Setting(normal=_number(1, _INT64_END), expectation="the id of the project's retention policy"),
    "proxy_speed_kb": Setting(
        normal=_number(-_INT32_END, _INT32_END),
        expectation="a whole number of 32 bits, -1 for no limit",
        nothing=frozenset({"-1", "0"}),
        of_proxies=True,
    ),
    "max_upstream_conn": Setting(
        normal=_connections, expectation="-1 or a number above 0", nothing=frozenset({"-1"}), of_proxies=True
    ),
    "proxy_cache_filter_pattern": Setting(
        normal=lambda value: value if len(value) <= _TEXT_LIMIT else None,
        expectation=f"a pattern of at most {_TEXT_LIMIT} characters",
        of_proxies=True,
    ),
    "proxy_cache_filter_kind": Setting(normal=_one_of(_KINDS), expectation="one of doublestar, regex", of_proxies=True),
    "proxy_referrer_api": _PROXY_FLAG,
    "proxy_cache_local_on_not_found": _PROXY_FLAG,
}


def checked(given: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """The known keys of a project's body with their values as they are stored, unknown and empty ones left out.

    FieldInvalid for a value that is wrong, for a retention policy that is not the ``stored`` one, and for a proxy
    cache's key that asks for something; one that asks for nothing is left out, as clients send them for every project.
    """
    settings = {}
    for key in KEYS.keys() & given.keys():
        if not given[key]:
            continue
        value = _normal(f"metadata.{key}", key, given[key])
        if KEYS[key].of_proxies:
            _refuse_unless(f"metadata.{key}", nothing=value in KEYS[key].nothing)
        else:
            settings[key] = value
    _refuse_other_retention(settings, stored)
    return settings


def pair(given: Mapping[str, str], stored: Mapping[str, str]) -> tuple[str, str]:
    """The one setting given and its value as it is stored; errors as ``checked``.

    InvalidError for more than one or none, and for a key that is no setting's.
    """
    if len(given) != 1:
        raise InvalidError("only allow one key/value pair")
    (key, text), *_ = given.items()
    if key not in KEYS:
        raise InvalidError(f"invalid key: {key[:100]}")
    value = _normal(key, key, text)
    _refuse_unless(key, nothing=not KEYS[key].of_proxies)
    _refuse_other_retention({key: value}, stored)
    return key, value


def is_true(value: str | None) -> bool:
    """Read a stored flag."""
    return value == "true"


def _normal(field: str, key: str, text: str) -> str:
    value = KEYS[key].normal(text)
    if value is None:
        raise FieldInvalid(field, KEYS[key].expectation)
    return value


def _refuse_unless(field: str, *, nothing: bool) -> None:
    if not nothing:
        raise FieldInvalid(field, "left out: the project is no proxy cache")


def _refuse_other_retention(settings: Mapping[str, str], stored: Mapping[str, str]) -> None:
    """The server alone attaches retention policies; a client may repeat what it was shown."""
    if RETENTION_ID in settings and settings[RETENTION_ID] != stored.get(RETENTION_ID):
        raise FieldInvalid("metadata.retention_id", "left out, or the id of the project's own retention policy")
