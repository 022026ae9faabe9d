"""Structured logging."""

from app.settings import LogSettings


def configure_logging(settings: LogSettings) -> None:
    """Send every log line through structlog."""
