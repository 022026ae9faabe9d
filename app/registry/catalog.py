"""``/v2/_catalog``: the names of all repositories in byte order, for administrators and robots with that permission."""

import orjson
from flask import Blueprint, Response, request

from app.artifacts.catalog import CatalogService
from app.context import Context
from app.core.errors import DomainError, TokenInvalid, UnauthenticatedError
from app.core.paging import KeysetPage
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
    """List repositories: ``n`` after ``last``, at most 10,000, with a Link header when more follow."""
    request.environ[ROUTE_KEY] = "catalog"
    edge = current_edge()
    try:
        caller = edge.access.caller(request.environ)
        if not edge.access.may_list_catalog(caller):
            raise UnauthenticatedError
        last, limit = storable("last", request.args.get("last", "")), page_size(request.args.get("n"), _LARGEST)
        with edge.ports.large_answers:
            names = CatalogService(Context(edge.ports, caller.principal)).names(last=last, limit=limit)
            response = _response(names, limit)
    except DomainError as error:
        response = errors.render(error)
        if isinstance(error, UnauthenticatedError):
            response.headers.append(_challenge(edge, error))
    response.headers.append(VERSION_HEADER)
    return as_flask(response)


def _response(names: KeysetPage[str], limit: int) -> RegistryResponse:
    response = RegistryResponse(status=200, headers=[errors.JSON])
    if names.more and names.items:
        response.headers.append(next_link("/v2/_catalog", n=limit, last=names.items[-1]))
    response.body = orjson.dumps({"repositories": list(names.items)})
    return response


def _challenge(edge: Edge, error: DomainError) -> tuple[str, str]:
    if request.headers.get("Authorization", "")[:7].lower() != "bearer ":
        return BASIC
    problem = "invalid_token" if isinstance(error, TokenInvalid) else "insufficient_scope"
    return edge.challenger.header(request.environ, Scheme.BEARER, SCOPE, problem)
