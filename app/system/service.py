"""How the system is, and what it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa

from app.configuration import keys
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.errors import DomainError, UnavailableError
from app.db import gate
from app.db.types import clock_ms
from app.jobs.models import WorkerProcess

VERSION: Final = "v2.16.0-pyharbor"
"""The API that clients may rely on; they read the part before the dash."""
_WORKER_SILENCE_MS: Final = 60_000
"""A worker that was not heard of for this long does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """How one part of the system is; ``error`` is empty when it is well."""

    name: str
    error: str = ""

    @property
    def status(self) -> str:
        """In Harbor's words."""
        return "unhealthy" if self.error else "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the whole is."""

    components: tuple[Component, ...]

    @property
    def status(self) -> str:
        """Healthy when every component is."""
        return "unhealthy" if any(component.error for component in self.components) else "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralInformation:
    """What a caller may know of the installation; None is what this one may not."""

    auth_mode: str
    banner_message: str
    oidc_provider_name: str
    primary_auth_mode: bool
    self_registration: bool
    current_time: datetime | None = None
    external_url: str | None = None
    registry_url: str | None = None
    harbor_version: str | None = None
    registry_storage_provider_name: str | None = None
    project_creation_restriction: str | None = None
    has_ca_root: bool | None = None
    read_only: bool | None = None
    notification_enable: bool | None = None


class SystemService:
    """Health and general information; anybody may ask."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def health(self) -> Health:
        """Look at every component that there is; what is broken is told, never raised."""
        checks: tuple[tuple[str, Callable[[], None]], ...] = (
            ("core", lambda: None),
            ("database", self._check_database),
            ("jobservice", self._check_workers),
            ("registry", self._ctx.ports.storage.driver.check),
        )
        return Health(components=tuple(_looked_at(name, check) for name, check in checks))

    def general(self) -> GeneralInformation:
        """What the caller may know: more for somebody than for nobody."""
        values = ConfigurationService(self._ctx).values()
        for_anybody: dict[str, Any] = {
            "auth_mode": values[keys.AUTH_MODE.name],
            "banner_message": values[keys.BANNER_MESSAGE.name],
            "oidc_provider_name": "",
            "primary_auth_mode": values[keys.PRIMARY_AUTH_MODE.name] == "true",
            "self_registration": values[keys.SELF_REGISTRATION.name] == "true",
        }
        if not self._ctx.principal.authenticated:
            return GeneralInformation(**for_anybody)
        return GeneralInformation(**for_anybody, **self._for_somebody(values))

    def _for_somebody(self, values: Mapping[str, str]) -> Mapping[str, Any]:
        settings = self._ctx.ports.settings
        with self._ctx.read() as session:
            read_only = gate.state(session).read_only
        return {
            "current_time": self._ctx.ports.clock.now(),
            "external_url": settings.web.external_url,
            "registry_url": urlsplit(settings.web.external_url).netloc,
            "harbor_version": VERSION,
            "registry_storage_provider_name": settings.storage.driver,
            "project_creation_restriction": values[keys.PROJECT_CREATION_RESTRICTION.name],
            "has_ca_root": False,
            "read_only": read_only,
            "notification_enable": values[keys.NOTIFICATION_ENABLE.name] == "true",
        }

    def _check_database(self) -> None:
        with self._ctx.read() as session:
            session.execute(sa.select(1))

    def _check_workers(self) -> None:
        with self._ctx.read() as session:
            reachable = session.execute(_LIVE_WORKERS).scalars().all()
        if not reachable:
            raise UnavailableError("no worker is running")
        if not any(reachable):
            raise UnavailableError("no worker reaches Temporal")


def _looked_at(name: str, check: Callable[[], None]) -> Component:
    try:
        check()
    except DomainError as error:
        return Component(name=name, error=error.message)
    except OSError as error:
        return Component(name=name, error=error.strerror or "an error of the operating system")
    return Component(name=name)


_LIVE_WORKERS = sa.select(WorkerProcess.temporal_reachable).where(
    WorkerProcess.heartbeat_at > clock_ms() - _WORKER_SILENCE_MS
)
