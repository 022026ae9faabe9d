"""The query parameters that say which parts of artifacts are shown."""

from collections.abc import Mapping
from typing import Any

from app.artifacts.listing import Parts


def parts_of(parameters: Mapping[str, Any]) -> Parts:
    """Return the parts that the loaded parameters ask for."""
    return Parts(
        tags=parameters["with_tag"],
        accessories=parameters["with_accessory"],
        inherited=parameters["with_inherited_accessory"],
        labels=parameters["with_label"],
        parameters=frozenset(name for name, value in parameters.items() if value is True),
    )
