"""JSON documents of clients: parsing that accepts only what all readers read alike, and cleaning for the database."""

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
_NUL: Final = rb"\u0000"
"""The only way to write NUL in JSON."""


def parse_object(body: bytes, form: Form) -> dict[str, Any]:
    """Parse a manifest; raise ManifestInvalid unless it is a JSON object, and for what ``parse_plain`` refuses."""
    try:
        document = parse_plain(body, form)
    except ValueError as error:
        raise ManifestInvalid(f"manifest is not JSON: {str(error)[:200]}") from None
    if not isinstance(document, dict):
        raise ManifestInvalid("manifest is not a JSON object")
    return document


def parse_plain(body: bytes, form: Form, root: str = "") -> Any:  # noqa: ANN401 - a JSON value
    """Parse JSON that all readers read alike.

    Raises: ValueError for invalid JSON. ManifestInvalid, with a place that begins with ``root``, for a duplicate
    member; for a member that readers which ignore case take for another one (see ``folding``); for either of these in
    invalid JSON that lenient readers accept; for too deep nesting or too many values.
    """
    if sum(map(body.count, _PARTING)) > DOCUMENT_PARTS:
        raise ManifestInvalid(f"{root or 'manifest'} holds more than {DOCUMENT_PARTS} values")
    try:
        document = _parse(body, root)
        _require_readable_names(document, body, form, root)
    except RecursionError:
        raise ManifestInvalid(f"{root or 'manifest'} is nested too deeply") from None
    except orjson.JSONDecodeError:
        parse_leniently(body, form, root)
        raise
    return document


def parse_as_any_reader(body: bytes, form: Form, root: str = "") -> object:
    """Parse JSON, and invalid JSON as lenient readers see it; errors as ``parse_plain``."""
    try:
        return parse_plain(body, form, root)
    except orjson.JSONDecodeError:
        return parse_leniently(body, form, root)


def _parse(body: bytes, root: str) -> object:
    document = orjson.loads(body)
    has_duplicates = False

    def note_duplicates(pairs: list[tuple[str, object]]) -> None:
        nonlocal has_duplicates
        has_duplicates = has_duplicates or len(dict(pairs)) != len(pairs)

    json.loads(body, object_pairs_hook=note_duplicates)
    if has_duplicates:
        del document
        _require_no_duplicates(json.loads(body, object_pairs_hook=_members), root)
    return document


def parse_leniently(body: bytes, form: Form, root: str) -> object:
    """Parse invalid JSON as lenient readers do, such as Go's decoder; None for what even they refuse.

    They accept invalid UTF-8, lone surrogates, huge numbers, and text after the end of the document. Raise
    ManifestInvalid as ``parse_plain``.
    """
    text = body.decode(errors="replace").lstrip(" \t\r\n")
    try:
        document, _ = _LENIENT.raw_decode(text)
    except ValueError:
        return None
    except RecursionError:
        raise ManifestInvalid(f"{root or 'manifest'} is nested too deeply") from None
    _require_no_duplicates(document, root)
    _require_readable_names(document, body, form, root)
    return document


def _require_readable_names(document: object, body: bytes, form: Form, root: str) -> None:
    """Raise ManifestInvalid for names that readers take for others, by their case or by a NUL in them."""
    require_exact_names(document, form, root)
    if _NUL in body:
        _require_no_nul_in_names(document, root)


def storable(value: object, levels: int = NESTING) -> Any:  # noqa: ANN401 - a JSON value
    """Return the JSON value without what a database cannot store: NUL, infinite numbers, levels below ``levels``."""
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
    """Return the JSON object as ``storable`` does; None for None."""
    return None if value is None else {str(name).replace("\0", ""): storable(item) for name, item in value.items()}


class _WithDuplicate(dict[str, object]):
    """A JSON object with a duplicate member, whose name is ``name``."""

    def __init__(self, pairs: list[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.name = next(name for name, times in Counter(name for name, _ in pairs).items() if times > 1)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _WithDuplicate(pairs)


_LENIENT: Final = json.JSONDecoder(object_pairs_hook=_members, parse_int=float)


def _require_no_nul_in_names(document: object, root: str) -> None:
    pending: list[tuple[object, Path]] = [(document, None)]
    while pending:
        value, path = pending.pop()
        if isinstance(value, dict):
            for name, item in value.items():
                if "\0" in name:
                    where = place((path, name.replace("\0", "\\0")), root)
                    raise ManifestInvalid(f"{where}: the name of a member must not contain NUL")
                pending.append((item, (path, name)))
        elif isinstance(value, list):
            pending += ((item, (path, position)) for position, item in enumerate(value))


def _require_no_duplicates(document: object, root: str) -> None:
    pending: list[tuple[object, Path]] = [(document, None)]
    while pending:
        value, path = pending.pop()
        if isinstance(value, _WithDuplicate):
            where = place((path, value.name), root)
            raise ManifestInvalid(f"{where} is named twice", detail={"member": value.name[:SHOWN], "place": where})
        if isinstance(value, dict):
            pending += ((item, (path, name)) for name, item in value.items())
        elif isinstance(value, list):
            pending += ((item, (path, position)) for position, item in enumerate(value))
