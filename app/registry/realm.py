"""The URL at which clients get their tokens: the configured one, or the trusted host name that a client used."""

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Final

from app.registry.http import HERE_KEY
from app.settings import WebSettings

_HOST: Final = re.compile(r"([0-9a-z._-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::([0-9]{1,5}))?")
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


class Realm:
    """Chooses the base URL of the token service for each request.

    A Host header is trusted when it names an allowed host, or, without a configured URL, the local address of the
    connection. Any other Host header could be forged, and the configured URL is used.
    """

    def __init__(self, settings: WebSettings) -> None:
        self._url = settings.external_url
        self._hosts = frozenset(settings.allowed_hosts)
        self._by_address = not settings.external_url_given
        self._fixed = not (self._hosts or self._by_address)

    def url(self, environ: dict[str, Any]) -> str:
        """Return the URL (scheme, host and port) for the client of a request."""
        if self._fixed:
            return self._url
        host_header = environ.get("HTTP_HOST", "").lower()
        host = _HOST.fullmatch(host_header)
        if host is None or not self._is_trusted(host_header, host[1], _local_address(environ)):
            return self._url
        return f"{environ.get('wsgi.url_scheme', 'http')}://{host_header}"

    def _is_trusted(self, host_header: str, name: str, local_address: str) -> bool:
        if host_header in self._hosts or name in self._hosts:
            return True
        if not self._by_address:
            return False
        local = _address_or_none(local_address)
        if name == "localhost":
            return local is not None and local.is_loopback
        return local is not None and _address_or_none(name.strip("[]")) == local


def advice_or_none(settings: WebSettings) -> str | None:
    """Return which setting to add when remote clients can connect but no external URL is set; None otherwise."""
    if settings.external_url_given or settings.host in _LOOPBACK:
        return None
    return (
        f"HARBOR_HOST is {settings.host} and HARBOR_EXTERNAL_URL is not set: clients that use a name, or an address "
        f"that is not this machine's, are sent to {settings.external_url} for their tokens. Set HARBOR_EXTERNAL_URL=https://"
        "<name>, or HARBOR_ALLOWED_HOSTS=<name>,<name> for several"
    )


def _local_address(environ: dict[str, Any]) -> str:
    """Return the local address that the client connected to; empty when the server does not provide it."""
    address: str | None = environ.get(HERE_KEY)
    if address is not None:
        return address
    connection: socket.socket | None = environ.get("gunicorn.socket")
    if connection is None or connection.family not in (socket.AF_INET, socket.AF_INET6):
        return ""
    return str(connection.getsockname()[0])


def _address_or_none(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
