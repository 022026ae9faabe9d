"""Flask-Login with server-side sessions: the cookie ``sid`` holds a random id, the database the session's user."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

from flask import Flask, Request, Response, request, session
from flask.sessions import SessionInterface, SessionMixin
from flask_login import LoginManager, current_user, login_user, logout_user

from app.access.principals import ANONYMOUS, Principal

COOKIE: Final = "sid"
NO_RENEWAL: Final = "X-Harbor-No-Session-Renewal"
_LONGEST: Final = 128
_USER_ID: Final = "_user_id"
"""Flask-Login's key for the user's id in a session; it holds our session's id, and nothing else is stored."""


class Sessions(Protocol):
    """Looks sessions up; implemented by the identity feature, which lies above this one."""

    def principal(self, sid: str, *, renew: bool) -> Principal | None:
        """Return the session's user, None when it has ended or the user is disabled; ``renew`` extends it."""
        ...


def prepare(app: Flask) -> None:
    """Prepare ``app`` for Flask-Login; ``install`` connects it to sessions."""
    app.config["REMEMBER_COOKIE_NAME"] = None
    manager = LoginManager()
    manager.session_protection = None
    manager.init_app(app, add_context_processor=False)


def install(app: Flask, sessions: Sessions, *, secure: bool) -> None:
    """Connect ``app`` to ``sessions``; when ``secure``, browsers send the cookie by https only."""
    app.session_interface = _Cookies(secure=secure)

    def load(sid: str) -> _User | None:
        principal = sessions.principal(sid, renew=NO_RENEWAL not in request.headers)
        return None if principal is None else _User(principal, sid)

    app.login_manager.user_loader(load)  # type: ignore[attr-defined] # Flask-Login keeps its manager there


def cookie_name(name: str, *, secure: bool) -> str:
    """Return the cookie's name; by https with a prefix that binds the cookie to this host (RFC 6265bis)."""
    return f"__Host-{name}" if secure else name


def session_principal() -> Principal:
    """Return the user of the request's session, ANONYMOUS without one; without a cookie nothing is looked up."""
    if _USER_ID not in session:
        return ANONYMOUS
    principal: Principal | None = getattr(current_user, "principal", None)
    return principal or ANONYMOUS


def current_sid() -> str | None:
    """Return the session id of the request's cookie, whether or not that session exists; None without a cookie."""
    sid: str | None = session.get(_USER_ID)
    return sid


def begin(principal: Principal, sid: str) -> None:
    """Set the cookie of the new session ``sid`` in the answer to the current request."""
    login_user(_User(principal, sid))


def end() -> None:
    """Delete the session's cookie in the answer to the current request."""
    logout_user()


@dataclass(frozen=True, slots=True)
class _User:
    """A user in the form that Flask-Login expects."""

    principal: Principal
    sid: str
    is_active = True
    is_authenticated = True
    is_anonymous = False

    def get_id(self) -> str:
        return self.sid


class _Session(dict[str, Any], SessionMixin):
    """Flask's session during one request; only Flask-Login writes to it."""


class _Cookies(SessionInterface):
    """Reads the session's id from the cookie, and writes the cookie only after a login or a logout."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._name = cookie_name(COOKIE, secure=secure)

    def open_session(self, app: Flask, request: Request) -> _Session:  # noqa: ARG002 - Flask's interface
        sid = _sid_or_none(request, self._name)
        return _Session({_USER_ID: sid}) if sid else _Session()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002 - as above
        sid = session.get(_USER_ID)
        if sid == _sid_or_none(request, self._name):
            return
        if sid:
            response.set_cookie(self._name, sid, secure=self._secure, httponly=True, samesite="Lax")
        else:
            response.delete_cookie(self._name, secure=self._secure, httponly=True, samesite="Lax")


def _sid_or_none(request: Request, name: str) -> str | None:
    if "HTTP_COOKIE" not in request.environ:
        return None
    sid = request.cookies.get(name)
    return sid if sid and len(sid) <= _LONGEST else None
