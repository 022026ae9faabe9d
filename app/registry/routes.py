"""The routes of the registry: fixed path segment and HTTP method -> handler, and the right that it requires."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.registry import blobs, manifests, referrers, tags, uploads
from app.registry.http import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """A handler, and the right on the repository (``action``) that it requires."""

    handler: Handler
    action: str
    project_needed: bool = False
    """True when the project must exist before the handler is called; other handlers find that out by their query."""


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
