"""Assembles the application: the management API and the token service in Flask, the registry gateway in front of it."""

from flask import Flask

from app.artifacts import api as artifacts
from app.context import Ports
from app.garbage import api as garbage
from app.identity.api import users
from app.identity.authentication import Authenticator
from app.projects.api import projects
from app.registry import catalog, token
from app.registry.edge import Edge
from app.registry.gateway import Gateway
from app.system import api as system
from app.telemetry.layer import TelemetryLayer
from app.telemetry.metrics import Metrics
from app.telemetry.proxies import TrustedProxies
from app.web.api import HarborApi


def create_app(ports: Ports) -> Flask:
    """The whole web application over ``ports``: telemetry outside, then the registry's gateway, then Flask."""
    app = Flask("app", static_folder=None)
    authenticator = Authenticator(ports)
    api = HarborApi(app, ports, authenticator)
    for feature in (projects, artifacts, garbage, users, system):
        api.register_blueprint(feature.blueprint)
    edge = Edge.over(ports, authenticator)
    edge.install(app)
    app.register_blueprint(token.blueprint)
    app.register_blueprint(catalog.blueprint)
    _wrap(app, edge)
    return app


def _wrap(app: Flask, edge: Edge) -> None:
    settings = edge.ports.settings
    outermost = TelemetryLayer(
        Gateway(edge, app.wsgi_app),
        Metrics(),
        TrustedProxies(settings.web.trusted_proxies),
        access_log=settings.log.access,
    )
    app.wsgi_app = outermost  # type: ignore[method-assign]
