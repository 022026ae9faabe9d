"""``pyharbor gc``: collect garbage from the command line, by the same durable job as the API's."""

import json
import time
from typing import Final

import click

from app.cli.installation import acting
from app.garbage.service import GarbageParameters, GarbageService
from app.jobs.contracts import FINAL, Status

_LOOK_SECONDS: Final = 0.3
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
        if wait and not _waited(service, execution_id):
            command.exit(1)


def _waited(service: GarbageService, execution_id: int) -> bool:
    """Print the log once the run has ended; whether it succeeded."""
    found = service.execution(execution_id)
    while found.status not in FINAL:
        time.sleep(_LOOK_SECONDS)
        found = service.execution(execution_id)
    click.echo(service.log(execution_id), nl=False)
    counters = {name: found.extra_attrs.get(name, 0) for name in _COUNTERS}
    click.echo(f"{found.status}{': ' + found.status_message if found.status_message else ''} {json.dumps(counters)}")
    return found.status == Status.SUCCESS
