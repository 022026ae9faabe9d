"""Every recorded run is replayed by today's workflows: a change that old runs would not survive is seen here."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from workflows.job_types import JOBS, all_workflows

_HISTORIES = sorted((Path(__file__).parents[1] / "histories").glob("*.json"))


@pytest.mark.parametrize("recorded", _HISTORIES, ids=lambda path: path.stem)
def test_todays_workflows_replay(recorded: Path) -> None:
    history = WorkflowHistory.from_json(recorded.stem, recorded.read_text())
    asyncio.run(Replayer(workflows=all_workflows(JOBS)).replay_workflow(history))


def test_there_are_histories_of_every_workflow() -> None:
    names = {path.stem.split(".")[0] for path in _HISTORIES}
    assert names == {job.kind.workflow for job in JOBS}
