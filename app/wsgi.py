"""The WSGI application for gunicorn, ``app.wsgi:create()``."""

import sys

import structlog

from app.factory import create_app
from app.registry.realm import advice_or_none
from app.settings import REFUSALS, load, refusal
from app.telemetry.layer import Application
from app.telemetry.logging import configure_logging
from app.wiring import build


def create() -> Application:
    """Make the application from the process's environment; when that fails, exit with one sentence and code 1."""
    try:
        settings = load()
        access = configure_logging(settings.log)
        if advice := advice_or_none(settings.web):
            structlog.get_logger().warning(advice)
        return create_app(build(settings), access)
    except REFUSALS as error:
        sys.exit(refusal(error))
