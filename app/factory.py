"""Assembles the application: the management API and the token service in Flask, the registry gateway in front of it."""

from flask import Flask

from app.artifacts import api as artifacts
from app.audit import api as audit
from app.context import Ports
from app.garbage import api as garbage
from app.identity.api import doors, groups, users
from app.identity.authentication import Authenticator
from app.identity.sessions import SessionStore
from app.projects.api import allowlist, members, metadata, permissions, projects
from app.registry import catalog, token
from app.registry.edge import Edge
from app.registry.gateway import Gateway
from app.robots.api import permissions as grantable
from app.robots.api import project_robots, robots
from app.robots.credentials import RobotCredentials
from app.system import api as system
from app.telemetry.layer import TelemetryLayer
from app.telemetry.metrics import Metrics
from app.telemetry.proxies import TrustedProxies
from app.web.api import HarborApi


def create_app(ports: Ports) -> Flask:
    """The whole web application over ``ports``: telemetry outside, then the registry's gateway, then Flask."""
    app = Flask("app", static_folder=None)
    authenticator = Authenticator(ports, RobotCredentials(ports))
    api = HarborApi(app, ports, authenticator, SessionStore(ports))
    for feature in (
        projects,
        metadata,
        members,
        permissions,
        allowlist,
        artifacts,
        audit,
        garbage,
        users,
        groups,
        system,
    ):
        api.register_blueprint(feature.blueprint)
    for feature in (robots, project_robots, grantable):
        api.register_blueprint(feature.blueprint)
    edge = Edge.over(ports, authenticator)
    edge.install(app)
    app.register_blueprint(doors.blueprint)
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
