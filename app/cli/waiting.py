"""Wait for the end of a job that a command has started."""

import json
import time
from collections.abc import Sequence
from typing import Final, Protocol

import click

from app.jobs.contracts import FINAL, Status
from app.jobs.service import ExecutionRef

_LOOK_SECONDS: Final = 0.3


class Runs(Protocol):
    """A service that shows the executions of one kind of job."""

    def execution(self, execution_id: int) -> ExecutionRef:
        """Return the execution's state."""
        ...

    def log(self, execution_id: int) -> str:
        """Return the execution's log."""
        ...


def wait(runs: Runs, execution_id: int, counters: Sequence[str]) -> bool:
    """Wait for the end of the run, print log, status and counters, and tell whether it succeeded."""
    run = runs.execution(execution_id)
    while run.status not in FINAL:
        time.sleep(_LOOK_SECONDS)
        run = runs.execution(execution_id)
    click.echo(runs.log(execution_id), nl=False)
    counted = {name: run.extra_attrs.get(name, 0) for name in counters}
    click.echo(f"{run.status}{': ' + run.status_message if run.status_message else ''} {json.dumps(counted)}")
    return run.status == Status.SUCCESS
