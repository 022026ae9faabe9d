"""The settings a project may carry: one line per key, text on the wire."""

from collections.abc import Callable, Mapping
from typing import Final

from app.core.errors import FieldInvalid

_TRUE: Final = frozenset({"1", "t", "true"})
_FALSE: Final = frozenset({"0", "f", "false"})
_SEVERITIES: Final = frozenset({"none", "low", "medium", "high", "critical"})
PUBLIC: Final = "public"


def _flag(value: str) -> str | None:
    word = value.lower()
    return "true" if word in _TRUE else "false" if word in _FALSE else None


def _severity(value: str) -> str | None:
    return value.lower() if value.lower() in _SEVERITIES else None


KEYS: Final[Mapping[str, tuple[Callable[[str], str | None], str]]] = {
    PUBLIC: (_flag, "true or false"),
    "enable_content_trust": (_flag, "true or false"),
    "enable_content_trust_cosign": (_flag, "true or false"),
    "prevent_vul": (_flag, "true or false"),
    "severity": (_severity, "one of none, low, medium, high, critical"),
    "auto_scan": (_flag, "true or false"),
    "auto_sbom_generation": (_flag, "true or false"),
    "reuse_sys_cve_allowlist": (_flag, "true or false"),
}
"""Key -> (its value as stored or None when it is wrong, what would be right)."""
PROXY_KEYS: Final = frozenset(
    {
        "proxy_speed_kb",
        "max_upstream_conn",
        "proxy_cache_filter_pattern",
        "proxy_cache_filter_kind",
        "proxy_referrer_api",
        "proxy_cache_local_on_not_found",
    }
)
"""Keys of proxy caches, refused on ordinary projects."""


def checked(given: Mapping[str, str]) -> dict[str, str]:
    """The known keys with their values as they are stored, others left out; FieldInvalid for a value that is wrong."""
    for key in PROXY_KEYS & given.keys():
        raise FieldInvalid(f"metadata.{key}", "left out: the project is no proxy cache")
    stored = {}
    for key in KEYS.keys() & given.keys():
        parse, expectation = KEYS[key]
        value = parse(given[key])
        if value is None:
            raise FieldInvalid(f"metadata.{key}", expectation)
        stored[key] = value
    return stored


def is_true(value: str | None) -> bool:
    """Read a stored flag."""
    return value == "true"
