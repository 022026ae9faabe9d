"""Find the client's address and scheme behind trusted proxies."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any


class TrustedProxies:
    """Believes X-Forwarded-For and X-Forwarded-Proto from the configured addresses only."""

    def __init__(self, networks: tuple[str, ...]) -> None:
        self._networks = tuple(ip_network(text, strict=False) for text in networks)

    def resolve(self, environ: dict[str, Any]) -> None:
        """Set REMOTE_ADDR and the URL scheme from a trusted proxy's headers.

        The client's address is the last one in X-Forwarded-For that is not a trusted proxy's.
        """
        if not self._networks or not self.trusts(environ.get("REMOTE_ADDR", "")):
            return
        chain = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        for address in reversed(chain):
            if _address_or_none(address) is None:
                break
            environ["REMOTE_ADDR"] = address
            if not self.trusts(address):
                break
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme

    def trusts(self, address: str) -> bool:
        """Tell whether this is the address of a trusted proxy."""
        parsed = _address_or_none(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def _address_or_none(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None) or parsed
