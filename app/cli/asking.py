"""Confirmation at the terminal before data is lost."""

import sys

import click

from app.core.errors import PreconditionError


def require_consent(loss: str) -> None:
    """Ask the user to agree to the ``loss``, a sentence.

    PreconditionError without a terminal, click's Abort when the user declines.
    """
    if not sys.stdin.isatty():
        raise PreconditionError(f"{loss} There is no terminal to ask at: say --yes if that is what you want")
    click.confirm(f"{loss} Go on?", abort=True, err=True)
