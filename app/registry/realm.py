"""Where clients get their tokens: under the configured URL, or under the name by which a client rightly came."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from app.registry.http import HERE_KEY
from app.settings import WebSettings

_HOST: Final = re.compile(r"([0-9a-z._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Realm:
    """Chooses the URL per request.

    A Host header is believed where it is one of the allowed hosts, or, without a configured URL, the very address at
    which the connection came in. Any other is somebody's word.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._url = settings.external_url
        self._hosts = frozenset(settings.allowed_hosts)
        self._by_address = not settings.external_url_given
        self._fixed = not (self._hosts or self._by_address)

    def url(self, environ: dict[str, Any]) -> str:
        """Scheme, host and port for the client of a request."""
        if self._fixed:
            return self._url
        given = environ.get("HTTP_HOST", "").lower()
        host = _HOST.fullmatch(given)
        if host is None or not self._believed(given, host[1], _here(environ)):
            return self._url
        return f"{environ.get('wsgi.url_scheme', 'http')}://{given}"

    def _believed(self, given: str, name: str, came_to: str) -> bool:
        if given in self._hosts or name in self._hosts:
            return True
        if not self._by_address:
            return False
        here = _address(came_to)
        if name == "localhost":
            return here is not None and here.is_loopback
        return here is not None and _address(name.strip("[]")) == here


def advice(settings: WebSettings) -> str | None:
    """What to set where clients come from elsewhere and nobody has said how they name this installation."""
    if settings.external_url_given or settings.host in _LOOPBACK:
        return None
    return (
        f"HARBOR_HOST is {settings.host} and HARBOR_EXTERNAL_URL is not set: clients that use a name, or an address "
        f"that is not this machine's, are sent to {settings.external_url} for their tokens. Set HARBOR_EXTERNAL_URL=https://"
        "<name>, or HARBOR_ALLOWED_HOSTS=<name>,<name> for several"
    )


def _here(environ: dict[str, Any]) -> str:
    """The address of this machine that the client came to; empty when the server does not tell."""
    told: str | None = environ.get(HERE_KEY)
    if told is not None:
        return told
    connection: socket.socket | None = environ.get("gunicorn.socket")
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return ""
    return str(connection.getsockname()[0])


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
