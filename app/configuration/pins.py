"""Keys that the environment pins stay where they are pinned while the product runs."""

import threading
from typing import Final

import structlog

from app.access.principals import SYSTEM
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.core.errors import UnavailableError

_EVERY_SECONDS: Final = 60
_log = structlog.get_logger()


class Pins:
    """Moves what is pinned back each minute: a process that the pin does not concern may have changed it."""

    def __init__(self, ports: Ports) -> None:
        """Go by the environment of ``ports``."""
        self._ports = ports

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; outages of the database are waited out."""
        while not stop.wait(_EVERY_SECONDS):
            try:
                self.settle()
            except UnavailableError as error:
                _log.info("pins_waiting", reason=error.message)

    def settle(self) -> None:
        """Bring what is pinned to its value, on record when it was elsewhere."""
        ConfigurationService(Context(self._ports, SYSTEM)).settle_pins()
