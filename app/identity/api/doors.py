"""The browser endpoints outside the API: login, logout, and whether a user exists."""

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request

from app.context import Context
from app.core.errors import FieldInvalid
from app.identity.availability import Unique, is_taken
from app.identity.logins import LoginService
from app.web import login
from app.web.session import current_context, installation

blueprint = Blueprint("doors", __name__)


@blueprint.post("/c/login")
def log_in() -> Response:
    """Open a session for ``principal`` and ``password``; answer 401 when they are wrong, 429 while a delay lasts."""
    ports, form, address = installation().ports, request.form, request.remote_addr or ""
    principal = installation().authenticator.basic(form.get("principal", ""), form.get("password", ""), address)
    ctx = Context(ports, principal, request_id=request.environ.get("pyharbor.request_id", ""), address=address)
    login.begin(principal, LoginService(ctx).log_in(replaced=login.current_sid()))
    return _done()


@blueprint.get("/c/log_out")
def log_out() -> Response:
    """End the session of the cookie, if there is one."""
    sid = login.current_sid()
    if sid is not None:
        LoginService(current_context()).log_out(sid, login.session_principal())
        login.end()
    return _done()


@blueprint.post("/c/userExists")
def user_exists() -> Response:
    """Answer ``true`` if an account has ``value`` as its ``target`` (``username`` or ``email``), else ``false``."""
    target = request.form.get("target", "")
    if target not in tuple(Unique):
        raise FieldInvalid("target", "username or email")
    return jsonify(is_taken(current_context(), Unique(target), request.form.get("value", "")))


def _done() -> Response:
    response = Response(status=HTTPStatus.OK, headers={"Cache-Control": "no-store"})
    del response.headers["Content-Type"]
    return response
