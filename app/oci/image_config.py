"""The fields of a config that lists show (image-spec config.md; a chart's Chart.yaml as helm stores it)."""

from typing import Any, Final

import orjson

from app.core.errors import ManifestInvalid
from app.core.media_types import HELM_CONFIG, IMAGE_CONFIGS
from app.oci.documents import parse_plain, storable, storable_map
from app.oci.folding import CHART, IMAGE_CONFIG, OPEN
from app.oci.limits import CONFIG_BYTES, EXTRA_BYTES

_IMAGE_FACTS: Final = ("architecture", "author", "config", "created", "os", "variant")
_SHORT: Final = 1024
READABLE: Final = IMAGE_CONFIGS | {HELM_CONFIG}
"""Media types of configs that are parsed."""
READ_AS_IMAGES: Final = frozenset(
    {"", "application/octet-stream", "application/json", "text/html", "application/vnd.docker.plugin.v1+json"}
)
"""Media types of configs that Docker takes for an image's, or reads as it reads one."""


def config_facts_or_none(media_type: str, content: bytes) -> dict[str, Any] | None:
    """Return the fields of a config that lists show, at most 256 KiB as JSON.

    Return None for a config that is too large, of another media type, or not a JSON object. Raise ManifestInvalid for
    one that readers do not all read alike (see ``parse_plain``).
    """
    document = _document_or_none(media_type, content) if media_type in READABLE else None
    if document is None:
        return None
    return _bounded(document, _IMAGE_FACTS if media_type in IMAGE_CONFIGS else tuple(document))


def shown_config_or_none(media_type: str, content: bytes) -> dict[str, Any] | None:
    """Return a config of any type for a list, at most 256 KiB as JSON; None for what cannot be read unambiguously."""
    try:
        document = _document_or_none(media_type, content)
    except ManifestInvalid:
        return None
    return None if document is None else _bounded(document, tuple(document))


def whole_config_or_none(media_type: str, content: bytes) -> dict[str, Any] | None:
    """Return a config of any type, without what lies 32 levels deep; None as ``shown_config_or_none``."""
    try:
        return storable_map(_document_or_none(media_type, content))
    except ManifestInvalid:
        return None


def _document_or_none(media_type: str, content: bytes) -> dict[str, Any] | None:
    if len(content) > CONFIG_BYTES:
        return None
    form = CHART if media_type == HELM_CONFIG else IMAGE_CONFIG if media_type in IMAGE_CONFIGS else OPEN
    try:
        document = parse_plain(content, form, "content of config")
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _bounded(document: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any] | None:
    facts = {str(storable(name)): storable(document[name]) for name in names if document.get(name) is not None}
    if len(orjson.dumps(facts)) > EXTRA_BYTES:
        facts = {name: value for name, value in facts.items() if isinstance(value, str) and len(value) < _SHORT}
    return facts if len(orjson.dumps(facts)) <= EXTRA_BYTES else None
