"""The fields of a config that lists show (image-spec config.md; a chart's Chart.yaml as helm stores it)."""

from typing import Any, Final

import orjson

from app.core.media_types import HELM_CONFIG, IMAGE_CONFIGS
from app.oci.documents import parse_plain, storable
from app.oci.folding import CHART, IMAGE_CONFIG
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
    if media_type not in READABLE or len(content) > CONFIG_BYTES:
        return None
    try:
        form = CHART if media_type == HELM_CONFIG else IMAGE_CONFIG
        document = parse_plain(content, form, "content of config")
    except ValueError:
        return None
    if not isinstance(document, dict):
        return None
    names = _IMAGE_FACTS if media_type in IMAGE_CONFIGS else tuple(document)
    facts = {str(storable(name)): storable(document[name]) for name in names if document.get(name) is not None}
    if len(orjson.dumps(facts)) > EXTRA_BYTES:
        facts = {name: value for name, value in facts.items() if isinstance(value, str) and len(value) < _SHORT}
    return facts if len(orjson.dumps(facts)) <= EXTRA_BYTES else None
