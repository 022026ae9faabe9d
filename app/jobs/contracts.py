"""What the API and the worker share about jobs: job types, task queues, states, and the values of workflow steps."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Final, Generic, Self, TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


class Queue(StrEnum):
    """Temporal's task queues: one for workflows, one per class of activities, so that each has limits of its own."""

    WORKFLOWS = "registry-wf"
    GARBAGE = "registry-gc"


class Status(StrEnum):
    """Harbor's words for the state of an execution."""

    PENDING = "Pending"
    SCHEDULED = "Scheduled"
    RUNNING = "Running"
    SUCCESS = "Success"
    ERROR = "Error"
    STOPPED = "Stopped"


FINAL = frozenset({Status.SUCCESS, Status.ERROR, Status.STOPPED})
"""Final states: an execution or task in one of them never changes again."""


class Trigger(StrEnum):
    """What started an execution."""

    MANUAL = "MANUAL"
    SCHEDULE = "SCHEDULE"
    EVENT = "EVENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType(Generic[In, Out]):
    """A kind of job: its workflow takes one ``In`` and returns one ``Out``."""

    workflow: str
    """The workflow's type name."""
    vendor: str
    """Harbor's vendor type; executions are listed by it."""
    noun: str
    """The prefix of its workflow ids."""
    job_name: str = ""
    """Harbor's name of the job; empty when it equals the vendor type."""
    queue: str = Queue.WORKFLOWS
    """The task queue of its activities; workflows of all jobs share ``Queue.WORKFLOWS``."""
    concurrency: int = 1
    """How many concurrent activities it adds to the worker of its queue."""
    kept: int = 50
    """How many executions are kept per vendor id."""

    @property
    def name(self) -> str:
        """Harbor's name of the job, shown for its queue and its runs."""
        return self.job_name or self.vendor


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """The fields that the input of every workflow has."""

    schedule_id: int = 0
    """The id of the schedule that started the workflow; 0 when the dispatcher started it from an execution row."""
    project: str = ""
    """The project that the job works for, a search attribute of its runs in Temporal; empty for no project."""
    policy: str = ""
    """The name of the policy that requested the job; empty for none."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Return the input that a row stores, without fields that this class no longer has."""
        return cls(**{own.name: stored[own.name] for own in fields(cls) if own.name in stored})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome:
    """The result of every workflow: the final state of its execution and a message."""

    status: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginStep:
    """Request to begin the execution of this workflow; for a scheduled workflow its row is inserted first."""

    schedule_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The execution that began; ``go_on`` is False when it has ended already or was asked to stop."""

    execution_id: int
    go_on: bool
    input: dict[str, Any] = field(default_factory=dict)
    """The input stored in the row, which alone is used: a workflow can be started in Temporal with any input."""


JOB_BEGIN = "job_begin"
"""Activity BeginStep -> Begun: sets the execution Running."""
JOB_FINISH = "job_finish"
"""Activity JobOutcome -> None: ends the execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """How the tasks of a job are planned and processed: the names of its two activities, and their limits."""

    plan: str
    """Activity PlanStep -> Planned: inserts the tasks page by page."""
    step: str
    """Activity SliceStep -> SliceDone: processes the open tasks in a range of ids."""
    queue: str
    """The task queue of both activities."""
    slice: int = 50
    """Tasks per activity; 1 for long tasks."""
    window: int = 4
    """Concurrent activities per batch."""
    batches: int = 2
    """Concurrent batches of 500 tasks."""
    tries: int = 10
    """How often a task may be started before it counts as failed."""
    silence_seconds: int = 15
    """The heartbeat timeout: an activity silent for this long is started again."""
    limit_seconds: int = 20 * 60
    """The time limit of one attempt at a slice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOutState:
    """The progress of a fan-out when its workflow continues as new."""

    after: int
    """The id of the last task that was given to a batch."""
    reason: str = ""
    """Why a batch failed; empty when none did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOutInput(JobInput):
    """The fields that the input of every job with tasks has."""

    retry_of: int = 0
    """The execution whose failed tasks are retried; 0 to plan new tasks."""
    handed_over: FanOutState | None = None


RETRY_OF: Final = "retry_of"
"""The name of ``FanOutInput.retry_of`` in an execution row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """Request to insert the next tasks after ``cursor``."""

    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The tasks up to ``cursor`` are inserted; ``done`` when there are no more or the execution was asked to stop."""

    cursor: str
    done: bool
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceStep:
    """Request to process the open tasks with ids from ``first`` to ``last``, both included."""

    first: int
    last: int
    tries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceDone:
    """How many tasks ended, and whether the execution was asked to stop."""

    ended: int
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RangesStep:
    """Request for at most ``count`` ranges of ``size`` open tasks with ids above ``after`` up to ``upto``."""

    workflow: str
    """The type of the execution's workflow."""
    size: int
    count: int
    after: int = 0
    upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """The first and last id of each range, in order."""

    ranges: list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleStep:
    """Request to end all open tasks with this status and reason."""

    status: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """All tasks have ended: Harbor's status of the execution, and a message with the number of tasks by state."""

    status: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInput:
    """The open tasks with ids from ``first`` to ``last``, both included, for a batch to process."""

    workflow: str
    """The type of the execution's workflow."""
    parts: FanOut
    first: int
    last: int
    reason: str = ""
    """Why a slice failed before the workflow continued as new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDone:
    """The result of a batch: why a slice failed, empty for none, and whether the execution was asked to stop."""

    reason: str = ""
    stopped: bool = False


TASK_BATCH = "TaskBatch"
"""Workflow BatchInput -> BatchDone."""
TASK_BATCH_SIZE = 500
LAST_TASK = 2**63 - 1
"""The largest possible task id."""
TASKS_RETRY = "tasks_retry"
"""Activity PlanStep -> Planned: inserts the failed tasks of an earlier execution."""
TASKS_RANGES = "tasks_ranges"
"""Activity RangesStep -> Ranges."""
TASKS_SETTLE = "tasks_settle"
"""Activity SettleStep -> Settled."""
TASKS_FINISH = "tasks_finish"
"""Activity JobOutcome -> None: ends all open tasks and the execution."""
