"""The WWW-Authenticate header of a 401 (distribution's token specification, RFC 6750)."""

from enum import StrEnum
from typing import Any, Final
from urllib.parse import parse_qs

from app.core.errors import NameInvalid
from app.core.reference import RepositoryName
from app.identity.tokens import AUDIENCE
from app.registry.realm import Realm

BASIC: Final = ("WWW-Authenticate", 'Basic realm="harbor"')
_SCOPES: Final = {"pull": "pull", "push": "pull,push", "delete": "delete"}


class Scheme(StrEnum):
    """The authentication scheme that a caller used."""

    NONE = ""
    BASIC = "basic"
    BEARER = "bearer"


class Challenger:
    """Writes the authentication challenges of an installation."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    def header(self, environ: dict[str, Any], scheme: Scheme, scope: str = "", problem: str = "") -> tuple[str, str]:
        """Return the WWW-Authenticate header for a caller that used ``scheme``.

        ``problem`` is RFC 6750's error code, when the caller's token is at fault.
        """
        if scheme is Scheme.BASIC:
            return BASIC
        value = f'Bearer realm="{self._realm.url(environ)}/service/token",service="{AUDIENCE}"'
        if scope:
            value += f',scope="{scope}"'
        if problem:
            value += f',error="{problem}"'
        return "WWW-Authenticate", value


def scope_of(name: str, action: str, query: str) -> str:
    """Return the token scope for an action on a repository; a mount in ``query`` adds pull on its source."""
    scope = f"repository:{name}:{_SCOPES[action]}"
    source = _mount_source_or_none(query) if "from=" in query else None
    return f"{scope} repository:{source}:pull" if source and source != name else scope


def _mount_source_or_none(query: str) -> str | None:
    parameters = parse_qs(query)
    source = next(iter(parameters.get("from", ())), "")
    try:
        return RepositoryName.parse(source) if "mount" in parameters else None
    except NameInvalid:
        return None
