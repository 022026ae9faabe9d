"""What a 401 asks for: the WWW-Authenticate header (distribution's token specification, RFC 6750)."""

from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs

from app.core.errors import NameInvalid
from app.core.reference import RepositoryName
from app.identity.tokens import AUDIENCE

BASIC: Final = ("WWW-Authenticate", 'Basic realm="harbor"')
_SCOPES: Final = {"pull": "pull", "push": "pull,push", "delete": "delete"}


class Scheme(StrEnum):
    """How a caller presented itself."""

    NONE = ""
    BASIC = "basic"
    BEARER = "bearer"


class Challenger:
    """Writes the challenges of an installation; the realm is the configured external URL, never a request's Host."""

    def __init__(self, external_url: str) -> None:
        self._bearer = f'Bearer realm="{external_url}/service/token",service="{AUDIENCE}"'

    def header(self, scheme: Scheme, scope: str = "", problem: str = "") -> tuple[str, str]:
        """The challenge to a caller of ``scheme``; ``problem`` says what is wrong with its token."""
        if scheme is Scheme.BASIC:
            return BASIC
        value = self._bearer
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
