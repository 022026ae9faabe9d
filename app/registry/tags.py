"""GET /v2/<name>/tags/list (distribution-spec, Listing Tags)."""

from contextlib import nullcontext
from typing import Final

import orjson

from app.artifacts.tags import MOST_NAMES, TagService
from app.core.paging import KeysetPage
from app.registry.http import Headers, RegistryRequest, RegistryResponse
from app.registry.paging import next_link, page_size

_FEW: Final = 1000
"""Up to this many tags, of at most 128 characters, a page does not count as a large answer."""


def list_tags(request: RegistryRequest) -> RegistryResponse:
    """Answer with the tags in byte order: ``n`` after ``last``, at most 10,000, with a Link header when more follow."""
    limit = page_size(request.parameter("n"), MOST_NAMES)
    last = request.text("last") or ""
    with request.ctx.ports.large_answers if limit > _FEW else nullcontext():
        page = TagService(request.ctx).names(request.name, last=last, limit=limit, public_only=request.public_only)
        body = orjson.dumps({"name": request.name, "tags": list(page.items)})
    headers = [("Content-Type", "application/json"), *_link(request, page, limit)]
    return RegistryResponse(status=200, headers=headers, body=body)


def _link(request: RegistryRequest, page: KeysetPage[str], limit: int) -> Headers:
    if not page.more or not page.items:
        return []
    return [next_link(f"/v2/{request.name}/tags/list", n=limit, last=page.items[-1])]
