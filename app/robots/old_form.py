"""Robots of a project in the form of Harbor before 2.13, whose grants name the project by its id."""

import re
from collections.abc import Sequence
from dataclasses import replace

from app.core.errors import InvalidError
from app.robots.grants import Access, require_few

_RESOURCE = re.compile(r"/project/([0-9]{1,19})/([a-z-]+)")


def access_in(project_id: int, entries: Sequence[Access]) -> tuple[Access, ...]:
    """The same grants as they are said today; InvalidError for a resource of another form or of another project."""
    require_few([len(entries)], "access")
    return tuple(_today(project_id, entry) for entry in entries)


def _today(project_id: int, entry: Access) -> Access:
    match = _RESOURCE.fullmatch(entry.resource)
    if match is None or int(match[1]) != project_id:
        raise InvalidError(f"resource {entry.resource[:64]!r} is none of /project/{project_id}/…")
    return replace(entry, resource=match[2])
