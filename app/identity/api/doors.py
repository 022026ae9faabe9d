"""The doors of browsers: login, logout, and whether a user exists."""

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request

from app.access.principals import PrincipalKind
from app.context import Context
from app.core.errors import FieldInvalid, UnauthenticatedError
from app.events.management import LoggedIn, LoggedOut
from app.identity.availability import Unique, taken
from app.identity.sessions import SessionStore
from app.web import login
from app.web.session import current_context, installation

blueprint = Blueprint("doors", __name__)


@blueprint.post("/c/login")
def log_in() -> Response:
    """Open a session for ``principal`` and ``password``; 401 when they are wrong, 429 while a delay lasts."""
    ports, form, address = installation().ports, request.form, request.remote_addr or ""
    principal = installation().authenticator.basic(form.get("principal", ""), form.get("password", ""), address)
    if principal.kind is not PrincipalKind.USER:
        raise UnauthenticatedError
    ctx = Context(ports, principal, request_id=request.environ.get("pyharbor.request_id", ""), address=address)
    sessions, before = SessionStore(ports), login.current_sid()
    with ctx.write():
        if before is not None:
            sessions.close(ctx, before)
        sid = sessions.open(ctx, principal)
        ctx.emit(LoggedIn(username=principal.name))
    login.begin(principal, sid)
    return _done()


@blueprint.get("/c/log_out")
def log_out() -> Response:
    """End the session of the cookie, if there is one."""
    sid = login.current_sid()
    if sid is not None:
        principal, ctx = login.session_principal(), current_context()
        with ctx.write():
            SessionStore(ctx.ports).close(ctx, sid)
            if principal.authenticated:
                ctx.emit(LoggedOut(username=principal.name))
        login.end()
    return _done()


@blueprint.post("/c/userExists")
def user_exists() -> Response:
    """Whether an account has the ``value`` as its ``target``, ``username`` or ``email``; ``true`` or ``false``."""
    target = request.form.get("target", "")
    if target not in tuple(Unique):
        raise FieldInvalid("target", "username or email")
    return jsonify(taken(current_context(), Unique(target), request.form.get("value", "")))


def _done() -> Response:
    response = Response(status=HTTPStatus.OK, headers={"Cache-Control": "no-store"})
    del response.headers["Content-Type"]
    return response
