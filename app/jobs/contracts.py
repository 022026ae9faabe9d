"""What both sides of a job know: its type, the queue it waits in, and the words for how it went."""

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
"""States that never change again."""


class Trigger(StrEnum):
    """What set an execution off."""

    MANUAL = "MANUAL"
    SCHEDULE = "SCHEDULE"
    EVENT = "EVENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType(Generic[In, Out]):
    """A kind of job: its workflow takes one ``In`` and returns one ``Out``."""

    workflow: str
    """The workflow's type name."""
    vendor: str
    """Harbor's vendor type, by which executions are listed."""
    noun: str
    """The beginning of its workflows' ids."""
    job_name: str = ""
    """Harbor's name of the job where it is not the vendor type."""
    queue: str = Queue.WORKFLOWS
    """Where its activities wait; its workflow waits with all others in ``Queue.WORKFLOWS``."""
    concurrency: int = 1
    """How many activities at once it adds to what a worker takes from its queue."""
    kept: int = 50
    """How many executions per vendor id are kept."""

    @property
    def name(self) -> str:
        """Harbor's name of the job: that of its queue and of its runs."""
        return self.job_name or self.vendor


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInput:
    """What every workflow's input has."""

    schedule_id: int = 0
    """The schedule that started the workflow; 0 when an execution row did."""
    project: str = ""
    """The project that the job works for, by which its runs are found at Temporal; empty when it is none."""
    policy: str = ""
    """The name of the policy that asks for the job; empty when none does."""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The input that a row has; names that are not known any more are left out."""
        return cls(**{known.name: stored[known.name] for known in fields(cls) if known.name in stored})


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome:
    """What every workflow returns: the final state of its execution and a sentence."""

    status: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginStep:
    """Asks for the execution row of this workflow, which a schedule's workflow does not have yet."""

    schedule_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """The execution, and whether to go on: not when it is final already or was asked to stop."""

    execution_id: int
    go_on: bool
    input: dict[str, Any] = field(default_factory=dict)
    """What the row asks for. It alone counts: a workflow can be started at Temporal with any input."""


JOB_BEGIN = "job_begin"
"""Activity BeginStep -> Begun: the execution is Running."""
JOB_FINISH = "job_finish"
"""Activity JobOutcome -> None: the execution is final."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOut:
    """How a job's tasks are made and worked: names of its two activities, and how many tasks at once."""

    plan: str
    """Activity PlanStep -> Planned: inserts the tasks, page by page."""
    step: str
    """Activity SliceStep -> SliceDone: works the open tasks of a range of ids."""
    queue: str
    """Of the step; the plan runs there, too."""
    slice: int = 50
    """Tasks of one activity, 1 for long ones."""
    window: int = 4
    """Activities at once in a batch."""
    batches: int = 2
    """Batches of 500 tasks at once."""
    tries: int = 10
    """How often a task is begun before it is an error."""
    silence_seconds: int = 15
    """An activity that has not been heard of for this long is begun again elsewhere."""
    limit_seconds: int = 20 * 60
    """Of one attempt at a slice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOutState:
    """How far a fan-out is when its workflow continues as new."""

    after: int
    """The last task that was given to a batch."""
    reason: str = ""
    """Why a batch failed, if one did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FanOutInput(JobInput):
    """What every input of a job with tasks has."""

    retry_of: int = 0
    """The execution whose failed tasks are tried again; 0 plans anew."""
    handed_over: FanOutState | None = None


RETRY_OF: Final = "retry_of"
"""What ``FanOutInput.retry_of`` is called in the row of an execution."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """Asks for the next tasks, behind ``cursor``."""

    cursor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """Tasks were inserted up to ``cursor``; ``done`` when there are no more, or the execution was asked to stop."""

    cursor: str
    done: bool
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceStep:
    """Asks for the work on the open tasks of these ids, both included."""

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
    """Asks for ranges of ``size`` open tasks behind ``after``."""

    workflow: str
    """The type of the execution's workflow."""
    size: int
    count: int
    after: int = 0
    upto: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """First and last id of each range, in order."""

    ranges: list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettleStep:
    """Asks for the end of all tasks that are still open, in this state and for this reason."""

    status: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """All tasks have ended: Harbor's status of such an execution, and how many ended how."""

    status: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInput:
    """The work on the open tasks of these ids, both included."""

    workflow: str
    """The type of the execution's workflow."""
    parts: FanOut
    first: int
    last: int
    reason: str = ""
    """Why a slice failed before the workflow continued as new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchDone:
    """How a batch ended: why a slice of it failed, if one did, and whether it met a request to stop."""

    reason: str = ""
    stopped: bool = False


TASK_BATCH = "TaskBatch"
"""Workflow BatchInput -> BatchDone."""
TASK_BATCH_SIZE = 500
LAST_TASK = 2**63 - 1
"""No task's id is greater."""
TASKS_RETRY = "tasks_retry"
"""Activity PlanStep -> Planned: inserts the failed tasks of an earlier execution."""
TASKS_RANGES = "tasks_ranges"
"""Activity RangesStep -> Ranges."""
TASKS_SETTLE = "tasks_settle"
"""Activity SettleStep -> Settled."""
TASKS_FINISH = "tasks_finish"
"""Activity JobOutcome -> None: as TASKS_SETTLE, and the execution is final."""
