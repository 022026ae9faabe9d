"""Keeps keys at the values that the environment pins while the product runs."""

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
    """Restores pinned values every minute, as a process without the pin may have changed them."""

    def __init__(self, ports: Ports) -> None:
        """Use the pins in the settings of ``ports``."""
        self._ports = ports

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop``; wait while the database is unavailable."""
        while not stop.wait(_EVERY_SECONDS):
            try:
                self.settle()
            except UnavailableError as error:
                _log.info("pins_waiting", reason=error.message)

    def settle(self) -> None:
        """Set pinned keys to their values, and audit a change."""
        ConfigurationService(Context(self._ports, SYSTEM)).settle_pins()
