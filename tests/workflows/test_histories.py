"""Every recorded run is replayed by today's workflows: a change that old runs would not survive is seen here."""

import asyncio
import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from app.jobs.contracts import TASK_BATCH
from tests.support.marking.contracts import MARKING
from tests.support.marking.workflow import Marking
from workflows.job_types import JOBS, all_workflows

_HISTORIES = sorted((Path(__file__).parents[1] / "histories").glob("*.json"))


@pytest.mark.parametrize("recorded", _HISTORIES, ids=lambda path: path.stem)
def test_todays_workflows_replay(recorded: Path) -> None:
    events = json.loads(recorded.read_text())["events"]
    workflow_id = events[0]["workflowExecutionStartedEventAttributes"]["workflowId"]
    history = WorkflowHistory.from_json(workflow_id, recorded.read_text())
    asyncio.run(Replayer(workflows=[*all_workflows(JOBS), Marking]).replay_workflow(history))


@pytest.mark.parametrize("recorded", _HISTORIES, ids=lambda path: path.stem)
def test_no_record_names_the_machine_that_made_it(recorded: Path) -> None:
    assert "site-packages" not in recorded.read_text()


def test_there_are_histories_of_every_workflow() -> None:
    names = {path.stem.split(".")[0] for path in _HISTORIES}
    assert names == {job.kind.workflow for job in JOBS} | {TASK_BATCH, MARKING.workflow}
