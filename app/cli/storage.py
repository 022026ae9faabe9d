"""``pyharbor storage``: start and stop checks that read stored blobs and find damaged ones."""

import click

from app.cli.installation import acting
from app.cli.waiting import wait as wait_for
from app.integrity.check import COUNTERS
from app.integrity.service import StorageCheckService


@click.group()
def storage() -> None:
    """Check that stored blobs are what they should be."""


@storage.command()
@click.option("--sample", default="", help="Read a part of the blobs, as in 5%, or a number of them; all without it.")
@click.option("--resume", is_flag=True, help="Go on where the newest check was cut off.")
@click.option("--wait", is_flag=True, help="Wait for the end, print the log; exit code 1 unless everything is good.")
@click.pass_context
def check(command: click.Context, /, *, sample: str, resume: bool, wait: bool) -> None:
    """Read every blob, compare it with its digest, and quarantine damaged ones until the blob is pushed again.

    The check reads HARBOR_STORAGE_CHECK_RATE bytes per second, blocks no writes, and goes on after a crash.
    """
    if sample and resume:
        raise click.UsageError("--resume goes on with the sample that was begun: leave out --sample")
    with acting() as ctx:
        service = StorageCheckService(ctx)
        execution_id = service.go_on() if resume else service.run(sample)
        click.echo(f"storage check {execution_id} is asked for")
        if wait and not wait_for(service, execution_id, COUNTERS):
            command.exit(1)


@storage.command()
def stop() -> None:
    """Stop the checks that have not ended; ``check --resume`` goes on where the newest was."""
    with acting() as ctx:
        for execution_id in StorageCheckService(ctx).stop():
            click.echo(f"storage check {execution_id} is asked to stop")
