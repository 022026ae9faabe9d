"""The keys of a project's metadata and the rules for their values, which are text in the API."""

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
class MetadataKey:
    """A metadata key: how its values are checked and stored."""

    normal: Callable[[str], str | None]
    """Return the value in its stored form, None when it is invalid."""
    expectation: str
    without_effect: frozenset[str] = frozenset()
    """For a proxy cache's key: the stored values that have no effect in other projects."""
    of_proxies: bool = False
    """Whether the key is for proxy cache projects only."""


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


_YES_OR_NO: Final = MetadataKey(normal=_flag, expectation="true or false")
_PROXY_FLAG: Final = MetadataKey(
    normal=_flag, expectation="true or false", without_effect=frozenset({"false"}), of_proxies=True
)
KEYS: Final[Mapping[str, MetadataKey]] = {
    PUBLIC: _YES_OR_NO,
    "enable_content_trust": _YES_OR_NO,
    "enable_content_trust_cosign": _YES_OR_NO,
    "prevent_vul": _YES_OR_NO,
    "severity": MetadataKey(normal=_one_of(_SEVERITIES), expectation="one of none, low, medium, high, critical"),
    "auto_scan": _YES_OR_NO,
    "auto_sbom_generation": _YES_OR_NO,
    "reuse_sys_cve_allowlist": _YES_OR_NO,
    RETENTION_ID: MetadataKey(normal=_number(1, _INT64_END), expectation="the id of the project's retention policy"),
    "proxy_speed_kb": MetadataKey(
        normal=_number(-_INT32_END, _INT32_END),
        expectation="a whole number of 32 bits, -1 for no limit",
        without_effect=frozenset({"-1", "0"}),
        of_proxies=True,
    ),
    "max_upstream_conn": MetadataKey(
        normal=_connections, expectation="-1 or a number above 0", without_effect=frozenset({"-1"}), of_proxies=True
    ),
    "proxy_cache_filter_pattern": MetadataKey(
        normal=lambda value: value if len(value) <= _TEXT_LIMIT else None,
        expectation=f"a pattern of at most {_TEXT_LIMIT} characters",
        of_proxies=True,
    ),
    "proxy_cache_filter_kind": MetadataKey(
        normal=_one_of(_KINDS), expectation="one of doublestar, regex", of_proxies=True
    ),
    "proxy_referrer_api": _PROXY_FLAG,
    "proxy_cache_local_on_not_found": _PROXY_FLAG,
}


def normalise(given: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of a request in its stored form, without unknown and empty keys.

    Raises FieldInvalid for an invalid value, for a retention policy other than the ``stored`` one, and for a proxy
    cache's key with an effect; without effect such a key is left out, as clients send it for every project.
    """
    metadata = {}
    for key in KEYS.keys() & given.keys():
        if not given[key]:
            continue
        value = _normal(f"metadata.{key}", key, given[key])
        if KEYS[key].of_proxies:
            _require_no_proxy_key(f"metadata.{key}", has_effect=value not in KEYS[key].without_effect)
        else:
            metadata[key] = value
    _require_own_retention(metadata, stored)
    return metadata


def normalise_pair(given: Mapping[str, str], stored: Mapping[str, str]) -> tuple[str, str]:
    """Return the key of a request with one pair, and its value in its stored form; raise as ``normalise`` does.

    Raises InvalidError unless there is exactly one pair, and for an unknown key.
    """
    if len(given) != 1:
        raise InvalidError("only allow one key/value pair")
    (key, text), *_ = given.items()
    if key not in KEYS:
        raise InvalidError(f"invalid key: {key[:100]}")
    value = _normal(key, key, text)
    _require_no_proxy_key(key, has_effect=KEYS[key].of_proxies)
    _require_own_retention({key: value}, stored)
    return key, value


def is_true(value: str | None) -> bool:
    """Tell whether a stored flag is true."""
    return value == "true"


def _normal(field: str, key: str, text: str) -> str:
    value = KEYS[key].normal(text)
    if value is None:
        raise FieldInvalid(field, KEYS[key].expectation)
    return value


def _require_no_proxy_key(field: str, *, has_effect: bool) -> None:
    if has_effect:
        raise FieldInvalid(field, "left out: the project is no proxy cache")


def _require_own_retention(metadata: Mapping[str, str], stored: Mapping[str, str]) -> None:
    """Raise FieldInvalid for another retention policy: only the server sets it, clients send it back unchanged."""
    if RETENTION_ID in metadata and metadata[RETENTION_ID] != stored.get(RETENTION_ID):
        raise FieldInvalid("metadata.retention_id", "left out, or the id of the project's own retention policy")
