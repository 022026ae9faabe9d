"""What gunicorn serves: ``app.wsgi:create()``."""

import sys

import structlog

from app.factory import create_app
from app.registry.realm import advice_or_none
from app.settings import REFUSALS, load, refusal
from app.telemetry.layer import Application
from app.telemetry.logging import configure_logging
from app.wiring import build


def create() -> Application:
    """The application of one web process, from the process's environment; a sentence and exit code 1 without one."""
    try:
        settings = load()
        access = configure_logging(settings.log)
        if advice := advice_or_none(settings.web):
            structlog.get_logger().warning(advice)
        return create_app(build(settings), access)
    except REFUSALS as error:
        sys.exit(refusal(error))
