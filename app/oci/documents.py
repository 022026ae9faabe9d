"""JSON from outside: parsed once, strictly, and made fit to be stored."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import orjson

from app.core.errors import ManifestInvalid
from app.oci.folding import SHOWN, Form, Path, place, require_exact_names
from app.oci.limits import DOCUMENT_PARTS, NESTING

_PARTING: Final = (b",", b"[", b"{")


def parse_object(body: bytes, form: Form) -> dict[str, Any]:
    """Parse a manifest; ManifestInvalid for what is no JSON object, for nesting without end and as ``parse_plain``."""
    try:
        document = parse_plain(body, form)
    except ValueError as error:
        raise ManifestInvalid(f"manifest is not JSON: {str(error)[:200]}") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("manifest is not a JSON object")
    return document


def parse_plain(body: bytes, form: Form, root: str = "") -> Any:  # noqa: ANN401 - a JSON value
    """Parse JSON that means the same to all readers; ValueError for what is no JSON to this one.

    ManifestInvalid, with a place that begins with ``root``, for a member named twice, for one that readers which
    ignore case take for another (``folding``), also where only readers less strict than this one would see it, and for
    nesting without end, or values without measure.
    """
    if sum(map(body.count, _PARTING)) > DOCUMENT_PARTS:
        raise ManifestInvalid(f"{root or 'manifest'} holds more than {DOCUMENT_PARTS} values")
    try:
        document = _parsed(body, root)
        require_exact_names(document, form, root)
    except RecursionError:
        raise ManifestInvalid(f"{root or 'manifest'} is nested too deeply") from None
    except orjson.JSONDecodeError:
        _require_plain_to_lenient(body, form, root)
        raise
    return document


def _parsed(body: bytes, root: str) -> object:
    document = orjson.loads(body)
    doubled = False

    def look(pairs: list[tuple[str, object]]) -> None:
        nonlocal doubled
        doubled = doubled or len(dict(pairs)) != len(pairs)

    json.loads(body, object_pairs_hook=look)
    if doubled:
        del document
        _refuse_doubled(json.loads(body, object_pairs_hook=_members), root)
    return document


def _require_plain_to_lenient(body: bytes, form: Form, root: str) -> None:
    """Hold what others may read to the same rules: invalid UTF-8, half surrogates, huge numbers, words behind the end.

    Go's decoder, for one, takes all of these.
    """
    text = body.decode(errors="replace").lstrip(" \t\r\n")
    try:
        document, _ = _LENIENT.raw_decode(text)
    except ValueError:
        return
    except RecursionError:
        raise ManifestInvalid(f"{root or 'manifest'} is nested too deeply") from None
    _refuse_doubled(document, root)
    require_exact_names(document, form, root)


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


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Doubled(pairs)


_LENIENT: Final = json.JSONDecoder(object_pairs_hook=_members, parse_int=float)


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
