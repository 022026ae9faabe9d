"""What a 401 asks for: the WWW-Authenticate header (distribution's token specification, RFC 6750)."""

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
    """How a caller presented itself."""

    NONE = ""
    BASIC = "basic"
    BEARER = "bearer"


class Challenger:
    """Writes the challenges of an installation."""

    def __init__(self, realm: Realm) -> None:
        self._realm = realm

    def header(self, environ: dict[str, Any], scheme: Scheme, scope: str = "", problem: str = "") -> tuple[str, str]:
        """The challenge to the caller of ``scheme`` of a request; ``problem`` says what is wrong with its token."""
        if scheme is Scheme.BASIC:
            return BASIC
        value = f'Bearer realm="{self._realm.url(environ)}/service/token",service="{AUDIENCE}"'
        if scope:
            value += f',scope="{scope}"'
        if problem:
            value += f',error="{problem}"'
        return "WWW-Authenticate", value


def scope_of(name: str, action: str, query: str) -> str:
    """The scope to ask for an action on a repository, with pulling from the source when ``query`` asks for a mount."""
    scope = f"repository:{name}:{_SCOPES[action]}"
    source = _mount_source(query) if "from=" in query else None
    return f"{scope} repository:{source}:pull" if source and source != name else scope


def _mount_source(query: str) -> str | None:
    parameters = parse_qs(query)
    source = next(iter(parameters.get("from", ())), "")
    try:
        return RepositoryName.parse(source) if "mount" in parameters else None
    except NameInvalid:
        return None
