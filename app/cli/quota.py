"""``pyharbor quota``: count the use of projects anew."""

import click

from app.cli.installation import acting
from app.quotas.recounting import RecountService
from app.quotas.results import Recount


@click.group()
def quota() -> None:
    """Look after the storage quotas of projects."""


@quota.command()
@click.argument("project", default="")
@click.option("--dry-run", is_flag=True, help="Only tell what differs.")
def recompute(project: str, *, dry_run: bool) -> None:
    """Count the use of PROJECT, or of all projects, from their content, and mend what differs.

    Prints a line for each project whose counters or charges differ. Pushes go on, except to the project being counted.
    """
    with acting() as ctx:
        service = RecountService(ctx)
        recounts = [service.recount(project, mend=not dry_run)] if project else service.recount_all(mend=not dry_run)
        total = different = 0
        for recount in recounts:
            total += 1
            if recount.differs:
                different += 1
                click.echo(_line(recount))
    click.echo(f"projects counted: {total}, {'to be mended' if dry_run else 'mended'}: {different}")


def _line(recount: Recount) -> str:
    return (
        f"{recount.project}: {recount.stored} bytes stored, {recount.counted} counted; "
        f"{recount.repositories} repositories, {recount.counted_repositories} counted; "
        f"{recount.uncharged} blobs not charged, {recount.overcharged} charged without need"
    )
