"""The only place that chooses implementations: settings in, ports out."""

# ruff: noqa
# mypy: ignore-errors
# TEMPORARY tolerance while modules are being written; replaced by plain imports.
import importlib

from app.context import Ports
from app.core.clock import SystemClock
from app.db.database import Database
from app.identity.secret_files import load_keyring
from app.settings import Settings
from app.storage.store import BlobStore


def _optional(module, name, default):
    try:
        return getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError):
        return default


class _NoPulls:
    def start(self, ports): ...
    def add(self, pull): ...


class _NoBell:
    def ring(self, session): ...


def build(settings: Settings) -> Ports:
    """Ports for one process. Makes the installation's keys when they are missing; connects to nothing yet."""
    pulls = _optional("app.artifacts.pulls", "PullBuffer", _NoPulls)()
    driver = _optional("app.storage.drivers.family", "storage_driver", None)
    ports = Ports(
        settings=settings,
        db=Database(settings.database.url, pool_size=settings.database.pool_size),
        storage=BlobStore(driver(settings.storage) if driver else None),
        keys=load_keyring(settings.secrets_dir),
        clock=SystemClock(),
        bell=_optional("app.jobs.bell", "DatabaseBell", _NoBell)(),
        pulls=pulls,
        admission=_optional("app.admission", "admission", dict)(),
        effects=_optional("app.effects", "effects", dict)(),
    )
    pulls.start(ports)
    return ports
