"""Assemble the web application: management API and token service in Flask, the registry gateway in front of them."""

from typing import Final

from flask import Flask

from app.artifacts.api import artifacts, deletions, tag_history, tags
from app.artifacts.api import labels as artifact_labels
from app.artifacts.api import lists as artifact_lists
from app.audit import api as audit
from app.configuration import api as configuration
from app.context import Ports
from app.garbage import api as garbage
from app.identity.api import doors, groups, users
from app.identity.authentication import Authenticator
from app.identity.sessions import SessionStore
from app.immutability import api as immutability
from app.labels import api as labels
from app.projects.api import allowlist, held_permissions, members, metadata, projects
from app.quotas import api as quotas
from app.registry import catalog, token
from app.registry.edge import Edge
from app.registry.gateway import Gateway
from app.robots.api import project_robots, robots
from app.search import api as search
from app.system import api as system
from app.telemetry.access import AccessLog
from app.telemetry.layer import TelemetryLayer
from app.telemetry.metrics import Metrics
from app.telemetry.proxies import TrustedProxies
from app.web.api import HarborApi
from app.web.session import install

_ROUTED: Final = "pyharbor-routed"
"""The extension under which a Flask application keeps its WSGI application without the outer layers."""


def create_app(ports: Ports, access: AccessLog | None = None) -> Flask:
    """Make the web application over ``ports``: telemetry outermost, then the registry gateway, then Flask."""
    app = routes()
    serve(app, ports, access)
    return app


def routes() -> Flask:
    """Make a Flask application with all routes, which is the slow part; ``serve`` connects it to an installation."""
    app = Flask("app", static_folder=None)
    api = HarborApi(app)
    for feature in (
        projects,
        metadata,
        quotas,
        members,
        held_permissions,
        allowlist,
        artifacts,
        artifact_labels,
        tags,
        deletions,
        artifact_lists,
        tag_history,
        audit,
        configuration,
        garbage,
        labels,
        immutability,
        users,
        groups,
        search,
        system,
    ):
        api.register_blueprint(feature.blueprint)
    for blueprint in (robots.blueprint, project_robots.blueprint, robots.grantable):
        api.register_blueprint(blueprint)
    app.register_blueprint(doors.blueprint)
    app.register_blueprint(token.blueprint)
    app.register_blueprint(catalog.blueprint)
    app.extensions[_ROUTED] = app.wsgi_app
    return app


def serve(app: Flask, ports: Ports, access: AccessLog | None = None) -> None:
    """Connect an application from ``routes`` to the installation of ``ports``, in place of the one before.

    Requests are logged to ``access``.
    """
    settings = ports.settings
    authenticator = Authenticator(ports)
    install(app, ports, authenticator, SessionStore(ports))
    edge = Edge.over(ports, authenticator)
    edge.install(app)
    outermost = TelemetryLayer(
        Gateway(edge, app.extensions[_ROUTED]),
        Metrics(),
        TrustedProxies(settings.web.trusted_proxies),
        access,
    )
    app.wsgi_app = outermost  # type: ignore[method-assign]
