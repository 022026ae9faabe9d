"""``pyharbor admin rotate-…`` and ``replace-lost-keys``: change the installation's keys."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from app.access.principals import SYSTEM
from app.cli.asking import require_consent
from app.cli.installation import opened, require_migrated
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.db.database import Database
from app.identity.fingerprints import KeyName
from app.identity.key_folder import KeyFolder
from app.identity.signing import rotate_signing_key
from app.identity.tokens import lifetime_now
from app.settings import load

_AT_ONCE = click.option(
    "--at-once", is_flag=True, help="End at once what was made with the previous key and earlier ones."
)
_YES = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")
_LOST = {
    KeyName.SIGNING: "registry tokens that are in use",
    KeyName.ENCRYPTION: "secrets stored in the database",
    KeyName.CSRF: "pages that browsers have open",
    KeyName.PEPPER: "logins of browsers, identity tokens and the secrets of all robots",
}
"""What each key protects, and so what ends without it."""


@click.command("rotate-signing-key")
@_AT_ONCE
def rotate_signing(*, at_once: bool) -> None:
    """Sign registry tokens with a new key; tokens signed with the one before stay valid until they expire."""
    with _folder() as (folder, ports):
        rotate_signing_key(folder, lifetime_now(Context(ports)), at_once=at_once)
    click.echo("registry tokens are signed with a new key from now on")


@click.command("rotate-encryption-key")
def rotate_encryption() -> None:
    """Encrypt stored secrets with a new key, now and from now on; the key before is kept for backups."""
    with _folder() as (folder, ports):
        folder.rotate(KeyName.ENCRYPTION)
        ConfigurationService(Context(ports, SYSTEM)).encrypt_anew()
    click.echo(
        "stored secrets are encrypted with a new key, as others are from now on; the one before is kept to read backups"
    )


@click.command("rotate-csrf-key")
def rotate_csrf() -> None:
    """Protect browsers against forged requests with a new key; pages that are open have to be loaded again."""
    with _folder() as (folder, _):
        folder.rotate(KeyName.CSRF)
    click.echo("browsers are protected with a new key from now on")


@click.command("rotate-pepper-key")
@_AT_ONCE
@_YES
def rotate_pepper(*, at_once: bool, yes: bool) -> None:
    """Hash robots' secrets, identity tokens and sessions with a new key; existing ones stay valid."""
    if at_once and not yes:
        require_consent(f"This ends at once: {_LOST[KeyName.PEPPER]}.")
    with _folder() as (folder, _):
        folder.rotate(KeyName.PEPPER, at_once=at_once)
    click.echo("secrets are hashed with a new key from now on")


@click.command("replace-lost-keys")
@_YES
def replace_lost(*, yes: bool) -> None:
    """Make new keys for lost ones and trust those that exist; only for when there is no backup."""
    settings = load()
    require_migrated(settings)
    if not yes:
        ends = "; ".join(f"{name}: {loss}" for name, loss in _LOST.items())
        require_consent(f"What was made with keys that are lost ends ({ends}).")
    database = Database(settings.database.url)
    try:
        names = KeyFolder(database, settings.secrets_dir).replace_lost()
    finally:
        database.dispose()
    ended = "; ".join(_LOST[name] for name in names)
    click.echo(f"made anew: {', '.join(names) or 'none'}; ended: {ended or 'nothing'}")


@contextmanager
def _folder() -> Iterator[tuple[KeyFolder, Ports]]:
    with opened() as ports:
        yield KeyFolder(ports.db, ports.settings.secrets_dir), ports
