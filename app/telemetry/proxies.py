"""Which client stands behind a proxy, as far as the proxy is trusted."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any


class TrustedProxies:
    """Believes X-Forwarded-For and X-Forwarded-Proto of configured addresses, and of nobody else."""

    def __init__(self, networks: tuple[str, ...]) -> None:
        self._networks = tuple(ip_network(text, strict=False) for text in networks)

    def resolve(self, environ: dict[str, Any]) -> None:
        """Set the client's address and scheme in the environment: the last address that is no trusted proxy's."""
        if not self._networks or not self.trusts(environ.get("REMOTE_ADDR", "")):
            return
        chain = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        for address in reversed(chain):
            if _parsed(address) is None:
                break
            environ["REMOTE_ADDR"] = address
            if not self.trusts(address):
                break
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme

    def trusts(self, address: str) -> bool:
        """Tell whether this is the address of a proxy that is believed."""
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._networks)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None) or parsed
