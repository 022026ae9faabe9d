"""GET /v2/<name>/referrers/<digest> (distribution-spec, Listing Referrers)."""

from app.artifacts.accessories import PAGE_ROWS, AccessoryService, Referrers, ReferrersQuery
from app.core.digest import Digest
from app.core.media_types import OCI_INDEX
from app.oci.referrers import referrers_index
from app.registry.http import Headers, RegistryRequest, RegistryResponse
from app.registry.paging import next_link, page_size


def list_referrers(request: RegistryRequest) -> RegistryResponse:
    """Answer with an OCI index of the subject's referrers; empty when the subject or repository does not exist."""
    subject = Digest.parse(request.reference)
    limit = page_size(request.parameter("n"), PAGE_ROWS)
    query = ReferrersQuery(
        repository=request.name,
        subject=subject,
        artifact_type=request.text("artifactType") or None,
        last=_position(request.parameter("last")),
        limit=limit,
    )
    with request.ctx.ports.large_answers:
        page = AccessoryService(request.ctx).referrers(query, public_only=request.public_only)
        body = referrers_index(page.descriptors)
    return RegistryResponse(status=200, headers=_headers(query, page, limit), body=body)


def _position(text: str | None) -> int:
    return page_size(text, 2**53) if text else 0


def _headers(query: ReferrersQuery, page: Referrers, limit: int) -> Headers:
    headers = [("Content-Type", OCI_INDEX), ("X-Total-Count", str(page.total))]
    if query.artifact_type is not None:
        headers.append(("OCI-Filters-Applied", "artifactType"))
    if page.last is not None:
        path = f"/v2/{query.repository}/referrers/{query.subject}"
        headers.append(next_link(path, artifactType=query.artifact_type, n=limit, last=page.last))
    return headers
