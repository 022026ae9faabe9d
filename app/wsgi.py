"""What gunicorn serves: ``app.wsgi:create()``."""

from app.factory import create_app
from app.settings import load
from app.telemetry.layer import Application
from app.telemetry.logging import configure_logging
from app.wiring import build


def create() -> Application:
    """The application of one web process, from the process's environment."""
    settings = load()
    configure_logging(settings.log)
    return create_app(build(settings))
