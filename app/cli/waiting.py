"""Waiting for the end of a job that a command has asked for."""

import json
import time
from collections.abc import Sequence
from typing import Final, Protocol

import click

from app.jobs.contracts import FINAL, Status
from app.jobs.service import ExecutionRef

_LOOK_SECONDS: Final = 0.3


class Runs(Protocol):
    """What shows executions of one kind."""

    def execution(self, execution_id: int) -> ExecutionRef:
        """One execution."""
        ...

    def log(self, execution_id: int) -> str:
        """What it wrote."""
        ...


def wait(runs: Runs, execution_id: int, counters: Sequence[str]) -> bool:
    """Print log, status and counters once the run has ended; whether it succeeded."""
    ended = runs.execution(execution_id)
    while ended.status not in FINAL:
        time.sleep(_LOOK_SECONDS)
        ended = runs.execution(execution_id)
    click.echo(runs.log(execution_id), nl=False)
    counted = {name: ended.extra_attrs.get(name, 0) for name in counters}
    click.echo(f"{ended.status}{': ' + ended.status_message if ended.status_message else ''} {json.dumps(counted)}")
    return ended.status == Status.SUCCESS
