"""Prepare an installation for ``pyharbor up``: data folder, schema, keys, the administrator and the first project."""

import os

import click

from app.access.principals import SYSTEM
from app.cli.announce import leave_password
from app.context import Context, Ports
from app.core.crypto import random_password
from app.core.errors import PreconditionError
from app.db import migrate
from app.db.database import Database
from app.identity.profiles import NewUser
from app.identity.secret_files import require_private
from app.identity.service import UserService
from app.projects.service import ProjectService
from app.settings import Settings
from app.wiring import build

ADMINISTRATOR = "admin"
_EMAIL = "admin@example.com"


def prepare(settings: Settings) -> None:
    """Migrate the database and make what is missing: keys, the administrator, the project ``library``.

    PreconditionError says what an administrator has to mend.
    """
    click.echo("migrating the database")
    database = Database(settings.database.url)
    try:
        migrate.upgrade(database)
    finally:
        database.dispose()
    ports = build(settings)
    try:
        ports.storage.driver.require_writable()
        _ensure_administrator_and_library(ports)
    finally:
        ports.db.dispose()


def _ensure_administrator_and_library(ports: Ports) -> None:
    ctx = Context(ports, SYSTEM)
    users = UserService(ctx)
    administrator = users.find(ADMINISTRATOR)
    if administrator is None:
        password = ports.settings.admin_password or random_password()
        created = users.create(
            NewUser(username=ADMINISTRATOR, email=_EMAIL, realname="system admin", password=password, sysadmin=True)
        )
        if ports.settings.admin_password is None:
            leave_password(ports.settings, password)
        owner_id = created.id
    else:
        owner_id = administrator.id
    ProjectService(ctx).ensure_library(owner_id)


def make_folder(settings: Settings) -> None:
    """Make the data folder for this user alone; PreconditionError when an existing one is unsafe or not writable."""
    folder = settings.data_dir
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        require_private(folder)
        probe = folder / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PreconditionError(
            f"the data folder {folder} cannot be written ({error.strerror}): "
            "give it to this user or set HARBOR_DATA_DIR to another folder"
        ) from error
