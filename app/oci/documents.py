"""JSON from outside: parsed once, strictly, and made fit to be stored."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson

from app.core.errors import ManifestInvalid
from app.oci.folding import SHOWN, Form, Path, place, require_exact_names
from app.oci.limits import NESTING


def parse_object(body: bytes, form: Form) -> dict[str, Any]:
    """Parse a manifest; ManifestInvalid for what is no JSON object, for nesting without end and as ``parse_plain``."""
    try:
        document = parse_plain(body, form)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"manifest is not JSON: {str(error)[:200]}") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("manifest is not a JSON object")
    return document


def parse_plain(body: bytes, form: Form, root: str = "") -> Any:  # noqa: ANN401 - a JSON value
    """Parse JSON that means the same to all readers; ValueError or RecursionError for what is no JSON.

    ManifestInvalid, with a place that begins with ``root``, for a member named twice and for one that readers which
    ignore case take for another (``folding``).
    """
    document = orjson.loads(body)
    doubled: list[_Doubled] = []

    def members(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        doubled.append(_Doubled(pairs))
        return doubled[-1]

    exact = json.loads(body, object_pairs_hook=members)
    if doubled:
        _refuse_doubled(exact, root)
    require_exact_names(document, form, root)
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


class _Doubled(dict[str, object]):
    """An object that names a member twice."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.name = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)


def _refuse_doubled(document: object, root: str) -> None:
    pending: list[tuple[object, Path]] = [(document, None)]
    while pending:
        value, path = pending.pop()
        if isinstance(value, _Doubled):
            where = place((path, value.name), root)
            raise ManifestInvalid(f"{where} is named twice", detail={"member": value.name[:SHOWN], "place": where})
        if isinstance(value, dict):
            pending += ((item, (path, name)) for name, item in value.items())
        elif isinstance(value, list):
            pending += ((item, (path, at)) for at, item in enumerate(value))
