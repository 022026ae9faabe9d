"""JSON from outside: parsed once, strictly, and made fit to be stored."""

import json
import math
from collections.abc import Mapping
from typing import Any

import orjson

from app.core.errors import ManifestInvalid
from app.oci.limits import NESTING


def parse_object(body: bytes) -> dict[str, Any]:
    """Parse a JSON object; ManifestInvalid for other JSON, for a name given twice and for nesting without end."""
    try:
        document = orjson.loads(body)
        json.loads(body, object_pairs_hook=_unambiguous)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"manifest is not JSON: {str(error)[:200]}") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("manifest is not a JSON object")
    return document


def storable(value: object, levels: int = NESTING) -> Any:  # noqa: ANN401 - a JSON value
    """Return the JSON value without what a database cannot keep: NUL, infinite numbers, more than ``levels`` levels."""
    match value:
        case str():
            return value.replace("\0", "")
        case float():
            return value if math.isfinite(value) else None
        case dict() if levels:
            return {str(name).replace("\0", ""): storable(item, levels - 1) for name, item in value.items()}
        case list() if levels:
            return [storable(item, levels - 1) for item in value]
        case dict() | list():
            return None
        case _:
            return value


def storable_map(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """As ``storable`` for an object; None stays None."""
    return None if value is None else {str(name).replace("\0", ""): storable(item) for name, item in value.items()}


def _unambiguous(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        message = "an object names a member twice"
        raise ValueError(message)
    return members
