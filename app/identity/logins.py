"""The use cases of browser logins and logouts."""

from app.access.principals import Principal, PrincipalKind
from app.context import Context
from app.core.errors import UnauthenticatedError
from app.events.management import LoggedIn, LoggedOut
from app.identity.sessions import SessionStore


class LoginService:
    """Opens and ends the sessions of the context's principal."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._sessions = SessionStore(ctx.ports)

    def log_in(self, *, replaced: str | None) -> str:
        """Open a session and return its id; end the ``replaced`` session, if given.

        Raises UnauthenticatedError for a robot, which has no sessions, and when the account changed since it was
        verified.
        """
        principal = self._ctx.principal
        if principal.kind is not PrincipalKind.USER:
            raise UnauthenticatedError
        with self._ctx.write():
            if replaced is not None:
                self._sessions.close(self._ctx, replaced)
            sid = self._sessions.open(self._ctx, principal)
            self._ctx.emit(LoggedIn(username=principal.name))
        return sid

    def log_out(self, sid: str, owner: Principal) -> None:
        """End the session of ``owner``, who is anonymous when the session had ended already."""
        with self._ctx.write():
            self._sessions.close(self._ctx, sid)
            if owner.authenticated:
                self._ctx.emit(LoggedOut(username=owner.name))
