"""The table of the registry's verbs: fixed segment and method -> handler and the right it needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.registry import blobs, manifests, referrers, tags, uploads
from app.registry.http import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """One verb; ``action`` is the right on the repository that it needs."""

    handler: Handler
    action: str
    project_needed: bool = False
    """The verb makes something, so the project must exist; other handlers find out by their own query."""


ROUTES: Mapping[str, Mapping[str, Route]] = {
    "manifests": {
        "GET": Route(manifests.get, "pull"),
        "HEAD": Route(manifests.get, "pull"),
        "PUT": Route(manifests.put, "push", project_needed=True),
        "DELETE": Route(manifests.delete, "delete"),
    },
    "blobs": {
        "GET": Route(blobs.get, "pull"),
        "HEAD": Route(blobs.get, "pull"),
        "DELETE": Route(blobs.delete, "delete"),
    },
    "uploads": {
        "POST": Route(uploads.start, "push", project_needed=True),
    },
    "upload": {
        "GET": Route(uploads.status, "push"),
        "HEAD": Route(uploads.status, "push"),
        "PATCH": Route(uploads.patch, "push"),
        "PUT": Route(uploads.put, "push"),
        "DELETE": Route(uploads.cancel, "push"),
    },
    "tags": {
        "GET": Route(tags.list_tags, "pull"),
        "HEAD": Route(tags.list_tags, "pull"),
    },
    "referrers": {
        "GET": Route(referrers.list_referrers, "pull"),
        "HEAD": Route(referrers.list_referrers, "pull"),
    },
}
