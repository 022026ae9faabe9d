"""``pyharbor admin``: administration on the server itself, without a login."""

import sys

import click

from app.cli.installation import acting
from app.cli.keys import replace_lost, rotate_csrf, rotate_encryption, rotate_pepper, rotate_signing
from app.configuration.keys import READ_ONLY
from app.configuration.service import ConfigurationService
from app.core.crypto import random_password
from app.core.errors import NotFoundError
from app.identity import throttle
from app.identity.results import Account
from app.identity.service import UserService


@click.group()
def admin() -> None:
    """Switch read-only mode, set a password, shut accounts out, clear failed logins, rotate keys."""


@admin.command("read-only")
@click.argument("state", type=click.Choice(["on", "off"]))
def read_only(state: str) -> None:
    """Refuse every change of content (on), or allow it again (off). Pulls go on either way."""
    with acting() as ctx:
        ConfigurationService(ctx).update({READ_ONLY.name: str(state == "on").lower()})
    click.echo(f"read-only mode is {state}")


@admin.command()
@click.argument("username", default="admin")
def password(username: str) -> None:
    """Give USERNAME a new password: asked for on a terminal, else one line of input; empty for a random one."""
    typed = _typed() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    chosen = typed or random_password()
    with acting() as ctx:
        users = UserService(ctx)
        users.set_password(_require_user(users, username).id, chosen)
    click.echo(f"the password of {username} is changed" + ("" if typed else f": {chosen}"))


@admin.command()
@click.argument("username")
def disable(username: str) -> None:
    """Shut USERNAME out: logins and sessions end at once, tokens within five seconds; account and roles stay."""
    with acting() as ctx:
        users = UserService(ctx)
        users.disable(_require_user(users, username).id)
    click.echo(f"{username} is disabled")


@admin.command()
@click.argument("username")
def enable(username: str) -> None:
    """Let USERNAME in again."""
    with acting() as ctx:
        users = UserService(ctx)
        users.disable(_require_user(users, username).id, disabled=False)
    click.echo(f"{username} is enabled")


for command in (rotate_signing, rotate_encryption, rotate_csrf, rotate_pepper, replace_lost):
    admin.add_command(command)


@admin.command()
@click.option("--user", help="Only the failures of this account, by its name or e-mail address.")
@click.option("--address", help="Only the failures of this address.")
def unblock(user: str | None, address: str | None) -> None:
    """Forget failed logins, which delay the next one: those of --user, of --address, of both together, else all."""
    with acting() as ctx, ctx.write() as session:
        forgotten = throttle.unblock(session, user, address)
    click.echo(f"{forgotten} counters of failed logins are cleared")


def _require_user(users: UserService, username: str) -> Account:
    user = users.find(username)
    if user is None:
        raise NotFoundError(f"no user is named {username}")
    return user


def _typed() -> str:
    text = click.prompt("new password (empty to generate one)", default="", hide_input=True, show_default=False)
    return str(text)
