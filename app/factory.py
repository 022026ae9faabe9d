"""Assembles the application: the management API and the token service in Flask, the registry gateway in front of it."""

# ruff: noqa
# mypy: ignore-errors
# TEMPORARY tolerance while modules are being written; replaced by plain imports.
import importlib

from flask import Flask

from app.context import Ports
from app.identity.authentication import Authenticator
from app.registry import catalog, token
from app.registry.edge import Edge
from app.registry.gateway import Gateway
from app.telemetry.layer import TelemetryLayer
from app.telemetry.metrics import Metrics
from app.telemetry.proxies import TrustedProxies


def _optional(module, name):
    try:
        return getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError):
        return None


def create_app(ports: Ports) -> Flask:
    """The whole web application over ``ports``: telemetry outside, then the gateway, then Flask."""
    app = Flask("app", static_folder=None)
    authenticator = Authenticator(ports)
    edge = Edge.over(ports, authenticator)
    edge.install(app)
    harbor_api = _optional("app.web.api", "HarborApi")
    if harbor_api:
        api = harbor_api(app, ports, authenticator)
        for name in ("projects", "artifacts", "garbage", "system", "identity"):
            blueprint = _optional(f"app.{name}.api", "blueprint")
            if blueprint:
                api.register_blueprint(blueprint)
    app.register_blueprint(token.blueprint)
    app.register_blueprint(catalog.blueprint)
    settings = ports.settings
    app.wsgi_app = TelemetryLayer(
        Gateway(edge, app.wsgi_app),
        Metrics(),
        TrustedProxies(settings.web.trusted_proxies),
        access_log=settings.log.access,
    )
    return app
