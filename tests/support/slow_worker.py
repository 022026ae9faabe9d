"""A worker whose storage takes its time to delete: ``python -m tests.support.slow_worker SECONDS_PER_OBJECT``.

Everything else is the product's own, so that a test can meet a sweep half-way.
"""

import asyncio
import sys
import time
from dataclasses import replace

from app.settings import load
from app.storage.driver import StorageDriver
from app.storage.store import BlobStore
from app.telemetry.logging import configure_logging
from app.wiring import build
from workflows import worker


class SlowDeletion:
    """A driver that sleeps before it deletes."""

    def __init__(self, driver: StorageDriver, seconds: float) -> None:
        self._driver = driver
        self._seconds = seconds

    def __getattr__(self, name: str) -> object:
        return getattr(self._driver, name)

    def delete(self, key: str) -> bool:
        """Sleep, then delete."""
        time.sleep(self._seconds)
        return self._driver.delete(key)


def main() -> None:
    """Run the worker."""
    settings = load()
    configure_logging(settings.log)
    ports = build(settings)
    slow = SlowDeletion(ports.storage.driver, float(sys.argv[1]))
    asyncio.run(worker._main(replace(ports, storage=BlobStore(slow))))  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
