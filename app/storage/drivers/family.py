"""The storage drivers that a setting can choose."""

from collections.abc import Callable

from app.core.plugins import Family
from app.settings import StorageSettings
from app.storage.driver import StorageDriver
from app.storage.drivers.filesystem import FilesystemDriver
from app.storage.drivers.memory import MemoryDriver


def storage_driver(settings: StorageSettings) -> StorageDriver:
    """Return the driver that the settings name; it opens and creates nothing before its first use."""
    return _family().choose(settings.driver)(settings)


def _family() -> Family[Callable[[StorageSettings], StorageDriver]]:
    return Family(
        "storage driver",
        {
            "filesystem": lambda settings: FilesystemDriver(settings.path, fsync=settings.fsync),
            "memory": lambda _: MemoryDriver(),
        },
    )
