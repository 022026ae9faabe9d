"""``pyharbor openapi``: print the OpenAPI document of the management API."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import click

from app.db import migrate
from app.db.database import Database
from app.factory import create_app
from app.settings import load
from app.web.openapi import document
from app.wiring import build


@click.command()
def openapi() -> None:
    """Print the OpenAPI document of the management API."""
    with tempfile.TemporaryDirectory() as folder:
        settings = load()
        empty = replace(settings.database, url=f"sqlite:///{folder}/none.db")
        migrate.upgrade(Database(empty.url))
        app = create_app(build(replace(settings, data_dir=Path(folder), database=empty)))
        click.echo(json.dumps(document(app), indent=2, sort_keys=True))
