"""``pyharbor gc``: collect garbage from the command line, with the same job as the API."""

from typing import Final

import click

from app.cli.installation import acting
from app.cli.waiting import wait as wait_for
from app.garbage.service import GarbageParameters, GarbageService

_COUNTERS: Final = ("purged_manifests", "purged_blobs", "freed_space")


@click.group()
def gc() -> None:
    """Collect garbage."""


@gc.command()
@click.option("--dry-run", is_flag=True, help="Count only; nothing is deleted and writes go on.")
@click.option(
    "--delete-untagged/--keep-untagged", default=False, show_default=True, help="Delete old untagged manifests."
)
@click.option("--delete-tag", is_flag=True, help="Delete tags whose manifest is gone.")
@click.option("--workers", type=click.IntRange(1, 10), default=1, show_default=True, help="Shares swept side by side.")
@click.option("--wait", is_flag=True, help="Wait for the end, print the log; exit code 1 unless it succeeds.")
@click.pass_context
def run(command: click.Context, /, *, wait: bool, **parameters: bool | int) -> None:
    """Ask for a collection. It stays asked for while Temporal is down and runs when it is back."""
    with acting() as ctx:
        service = GarbageService(ctx)
        execution_id = service.run(GarbageParameters(**parameters))  # type: ignore[arg-type] # click's names are the fields' names
        click.echo(f"garbage collection {execution_id} is asked for")
        if wait and not wait_for(service, execution_id, _COUNTERS):
            command.exit(1)
