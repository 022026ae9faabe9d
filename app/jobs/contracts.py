"""What both sides of a job know: its type, the queue it waits in, and the words for how it went."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Generic, Self, TypeVar

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
