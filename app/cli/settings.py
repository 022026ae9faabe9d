"""``pyharbor settings``."""

import click

from app.settings import describe, load


@click.command()
def settings() -> None:
    """Print the effective settings, without secrets."""
    rows = list(describe(load()))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}")
