"""General information about the installation: version, settings that clients may know, storage, certificate."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from app.access.decision import require_in_system
from app.configuration import keys
from app.configuration.key import Readers
from app.configuration.results import Values
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.errors import NotFoundError
from app.db import gate
from app.storage.driver import Capacity

VERSION: Final = "v2.16.0-pyharbor"
"""The version of Harbor's API that is served; clients read the part before the dash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthenticationProxy:
    """The settings of an authentication proxy, for browsers and clients that use it."""

    endpoint: str
    tokenreivew_endpoint: str
    """As Harbor spells it."""
    skip_search: bool
    verify_cert: bool
    server_certificate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralInformation:
    """General information about the installation; what the caller may not know is None."""

    auth_mode: str
    banner_message: str
    oidc_provider_name: str
    primary_auth_mode: bool
    self_registration: bool
    authproxy_settings: AuthenticationProxy | None = None
    current_time: datetime | None = None
    external_url: str | None = None
    registry_url: str | None = None
    harbor_version: str | None = None
    registry_storage_provider_name: str | None = None
    project_creation_restriction: str | None = None
    has_ca_root: bool | None = None
    read_only: bool | None = None
    notification_enable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Volumes:
    """The sizes of the blob storages."""

    storage: tuple[Capacity, ...]


class SystemService:
    """Tells clients about the installation."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def general(self) -> GeneralInformation:
        """Return what the caller may know: anonymous callers a part, authenticated ones everything."""
        values = ConfigurationService(self._ctx).values()
        public = _readable(values, Readers.ANONYMOUS) | {
            "oidc_provider_name": values[keys.OIDC_NAME] if values[keys.AUTH_MODE] == "oidc_auth" else "",
            "authproxy_settings": _authentication_proxy(values) if values[keys.AUTH_MODE] == "http_auth" else None,
        }
        if not self._ctx.principal.authenticated:
            return GeneralInformation(**public)
        return GeneralInformation(**public, **_readable(values, Readers.ACCOUNTS), **self._for_authenticated())

    def volumes(self) -> Volumes:
        """Return the size of the blob storage; needs system-volumes:read. NotFoundError when unknown."""
        require_in_system(self._ctx.principal, "system-volumes", "read")
        return Volumes(storage=(self._ctx.ports.storage.capacity(),))

    def root_certificate(self) -> bytes:
        """Return the content of the root certificate's file; NotFoundError when none is installed."""
        path = self._ctx.ports.settings.ca_path
        try:
            return path.read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise NotFoundError("no certificate is installed") from None

    def _for_authenticated(self) -> Mapping[str, Any]:
        settings = self._ctx.ports.settings
        with self._ctx.read() as session:
            read_only = gate.state(session).read_only
        return {
            "current_time": self._ctx.ports.clock.now(),
            "external_url": settings.web.external_url,
            "registry_url": urlsplit(settings.web.external_url).netloc,
            "harbor_version": VERSION,
            "registry_storage_provider_name": settings.storage.driver,
            "has_ca_root": settings.ca_path.is_file() and settings.web.external_url.startswith("https://"),
            "read_only": read_only,
        }


def _readable(values: Values, readers: Readers) -> dict[str, Any]:
    """Return the values of the configuration keys whose least privileged readers are ``readers``."""
    return {name: key.shown(values[key]) for name, key in keys.KEYS.items() if key.readers is readers}


def _authentication_proxy(values: Values) -> AuthenticationProxy:
    return AuthenticationProxy(
        endpoint=values[keys.HTTP_AUTHPROXY_ENDPOINT],
        tokenreivew_endpoint=values[keys.HTTP_AUTHPROXY_TOKENREVIEW_ENDPOINT],
        skip_search=values[keys.HTTP_AUTHPROXY_SKIP_SEARCH],
        verify_cert=values[keys.HTTP_AUTHPROXY_VERIFY_CERT],
        server_certificate=values[keys.HTTP_AUTHPROXY_SERVER_CERTIFICATE],
    )
