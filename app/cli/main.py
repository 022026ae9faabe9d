"""The ``pyharbor`` command; it imports a subcommand's module only when that is called."""

import sys
from collections.abc import Sequence
from importlib import import_module

import click

from app.core.errors import PreconditionError
from app.settings import REFUSALS, refusal

_COMMANDS = {
    "up": ("app.cli.up", "run web, worker and Temporal under a supervisor, in the foreground"),
    "announce": ("app.cli.announce", "wait until the registry answers, then say where it is"),
    "web": ("app.cli.processes", "run the web processes (gunicorn)"),
    "worker": ("app.cli.processes", "run the worker: workflows, activities, dispatcher"),
    "db": ("app.cli.database", "migrate the database"),
    "admin": ("app.cli.admin", "switch read-only mode, set a password, shut accounts out, rotate keys"),
    "gc": ("app.cli.gc", "collect garbage"),
    "quota": ("app.cli.quota", "count the storage use of projects anew"),
    "storage": ("app.cli.storage", "check that what is stored is what it should be"),
    "settings": ("app.cli.settings", "print the effective settings, without secrets"),
    "openapi": ("app.cli.openapi", "print the management API's OpenAPI document"),
}


class _Lazy(click.Group):
    """A group that imports a subcommand's module when the subcommand is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of ``_COMMANDS``."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Return the command, which is the object of that name in its module; None for an unknown name."""
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(_COMMANDS[cmd_name][0]), cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the help's list of commands without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items() if name != "announce"])


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pyharbor")
def pyharbor() -> None:
    """A container registry that stores, signs and scans images."""


def _require_utf8(arguments: Sequence[str]) -> None:
    try:
        " ".join(arguments).encode()
    except UnicodeEncodeError:
        raise PreconditionError("an argument is not UTF-8") from None


def main() -> None:
    """Run the command; an error of ``REFUSALS`` ends it with one sentence and exit code 1."""
    try:
        _require_utf8(sys.argv)
        pyharbor(standalone_mode=True)
    except REFUSALS as error:
        click.echo(refusal(error), err=True)
        sys.exit(1)
