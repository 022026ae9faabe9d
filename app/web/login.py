"""Flask-Login on server-side sessions: the cookie ``sid`` carries a random id, the database knows whose it is."""

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
"""Where Flask-Login keeps the user's id in a session; ours is the session's own id, and nothing else is kept."""


class Sessions(Protocol):
    """Knows whose session an id is; implemented by the identity feature, which lies above this kit."""

    def principal(self, sid: str, *, renew: bool) -> Principal | None:
        """The session's user; None when it has ended or the user may not come in any more. ``renew`` prolongs it."""
        ...


def prepare(app: Flask) -> None:
    """Let ``app`` have sessions, once ``install`` says whose."""
    app.config["REMEMBER_COOKIE_NAME"] = None
    manager = LoginManager()
    manager.session_protection = None
    manager.init_app(app, add_context_processor=False)


def install(app: Flask, sessions: Sessions, *, secure: bool) -> None:
    """Give ``app`` sessions whose cookie is sent by https only when ``secure``."""
    app.session_interface = _Cookies(secure=secure)

    def load(sid: str) -> _User | None:
        principal = sessions.principal(sid, renew=NO_RENEWAL not in request.headers)
        return None if principal is None else _User(principal, sid)

    app.login_manager.user_loader(load)  # type: ignore[attr-defined] # Flask-Login keeps its manager there


def cookie_name(name: str, *, secure: bool) -> str:
    """The cookie's name; by https with the prefix for which browsers take it from this very host only (RFC 6265bis)."""
    return f"__Host-{name}" if secure else name


def session_principal() -> Principal:
    """The user of the session whose cookie the request carries, else nobody; without a cookie nothing is asked."""
    if _USER_ID not in session:
        return ANONYMOUS
    principal: Principal | None = getattr(current_user, "principal", None)
    return principal or ANONYMOUS


def current_sid() -> str | None:
    """The session id that the current request's cookie carries, whether there is such a session or not."""
    sid: str | None = session.get(_USER_ID)
    return sid


def begin(principal: Principal, sid: str) -> None:
    """Answer the current request with the cookie of the new session ``sid``."""
    login_user(_User(principal, sid))


def end() -> None:
    """Answer the current request without a session: its cookie is taken back."""
    logout_user()


@dataclass(frozen=True, slots=True)
class _User:
    """What Flask-Login takes for a user."""

    principal: Principal
    sid: str
    is_active = True
    is_authenticated = True
    is_anonymous = False

    def get_id(self) -> str:
        return self.sid


class _Session(dict[str, Any], SessionMixin):
    """A session of Flask: what Flask-Login notes during one request."""


class _Cookies(SessionInterface):
    """Reads the id from the cookie, and writes the cookie only when a login or a logout changed it."""

    def __init__(self, *, secure: bool) -> None:
        self._secure = secure
        self._name = cookie_name(COOKIE, secure=secure)

    def open_session(self, app: Flask, request: Request) -> _Session:  # noqa: ARG002 - Flask's interface
        sid = _carried(request, self._name)
        return _Session({_USER_ID: sid}) if sid else _Session()

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002 - as above
        sid = session.get(_USER_ID)
        if sid == _carried(request, self._name):
            return
        if sid:
            response.set_cookie(self._name, sid, secure=self._secure, httponly=True, samesite="Lax")
        else:
            response.delete_cookie(self._name, secure=self._secure, httponly=True, samesite="Lax")


def _carried(given: Request, name: str) -> str | None:
    if "HTTP_COOKIE" not in given.environ:
        return None
    sid = given.cookies.get(name)
    return sid if sid and len(sid) <= _LONGEST else None
