"""``/v2/_catalog``: the names of all repositories in byte order, for administrators and robots that were granted it."""

import orjson
import sqlalchemy as sa
from flask import Blueprint, Response, request

from app.artifacts.models import Repository
from app.core.errors import DomainError, TokenInvalid, UnauthenticatedError
from app.registry import errors
from app.registry.challenge import BASIC, Scheme
from app.registry.edge import Edge, as_flask, current_edge
from app.registry.http import ROUTE_KEY, VERSION_HEADER, RegistryResponse, storable
from app.registry.paging import next_link, page_size

SCOPE = "registry:catalog:*"
_LARGEST = 10_000
blueprint = Blueprint("catalog", __name__)


@blueprint.get("/v2/_catalog")
def list_repositories() -> Response:
    """Repositories after ``last``, at most ``n`` and never more than 10,000, with a Link when more follow."""
    request.environ[ROUTE_KEY] = "catalog"
    edge = current_edge()
    try:
        if not edge.door.may_list_catalog(edge.door.caller(request.environ)):
            raise UnauthenticatedError
        with edge.ports.large_answers:
            last = storable("last", request.args.get("last", ""))
            response = _page(edge, page_size(request.args.get("n"), _LARGEST), last)
    except DomainError as error:
        response = errors.render(error)
        if isinstance(error, UnauthenticatedError):
            response.headers.append(_challenge(edge, error))
    response.headers.append(VERSION_HEADER)
    return as_flask(response)


def _page(edge: Edge, limit: int, last: str) -> RegistryResponse:
    names = _names(edge, limit, last)
    response = RegistryResponse(status=200, headers=[errors.JSON])
    if len(names) > limit:
        names = names[:limit]
        if names:
            response.headers.append(next_link("/v2/_catalog", n=limit, last=names[-1]))
    response.body = orjson.dumps({"repositories": names})
    return response


def _names(edge: Edge, limit: int, last: str) -> list[str]:
    return [row.name for row in edge.ports.db.rows(_AFTER, {"last": last, "limit": limit + 1})]


def _challenge(edge: Edge, error: DomainError) -> tuple[str, str]:
    if request.headers.get("Authorization", "")[:7].lower() != "bearer ":
        return BASIC
    problem = "invalid_token" if isinstance(error, TokenInvalid) else "insufficient_scope"
    return edge.challenger.header(request.environ, Scheme.BEARER, SCOPE, problem)


_AFTER = (
    sa.select(Repository.name)
    .where(Repository.name > sa.bindparam("last"), Repository.published.is_(sa.true()))
    .order_by(Repository.name)
    .limit(sa.bindparam("limit", type_=sa.Integer()))
)
