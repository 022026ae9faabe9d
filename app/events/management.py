"""What happened to projects, people and the system."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreated:
    """A project was created."""

    project_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDeleted:
    """A project was deleted."""

    project_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemAllowlistChanged:
    """The vulnerabilities that the system accepts are others now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailed:
    """Somebody gave wrong credentials for ``username`` from ``address``."""

    username: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Somebody opened a session."""

    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut:
    """Somebody ended a session."""

    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated:
    """An account was made."""

    user_id: int
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdated:
    """An account was changed; ``what`` says which part.

    ``profile`` is what people say about themselves; anything else decides who can log in as it: ``password``,
    ``email``, ``administrator``, ``disabled``.
    """

    user_id: int
    username: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRefused:
    """Somebody who is logged in wanted to change the password of ``username`` and was not let."""

    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleted:
    """An account was deleted; ``username`` is the name it had."""

    user_id: int
    username: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupCreated:
    """A group of people was made."""

    group_id: int
    group_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupRenamed:
    """A group of people has another name."""

    group_id: int
    group_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupDeleted:
    """A group of people was deleted."""

    group_id: int
    group_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectUpdated:
    """A project's settings were changed."""

    project_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEvent:
    """A fact about a member of a project; ``entity_name`` is the user's or group's."""

    project_id: int
    project: str
    entity_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded(MemberEvent):
    """Somebody was given a role."""

    role: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberUpdated(MemberEvent):
    """Somebody was given another role."""

    role: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved(MemberEvent):
    """A membership ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotEvent:
    """A fact about a robot account; ``project_id`` is 0 for a system robot, ``name`` is the full one."""

    project_id: int
    robot_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotCreated(RobotEvent):
    """A robot was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotUpdated(RobotEvent):
    """A robot was changed; ``what`` says which part, as ``settings`` or ``secret``."""

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotDeleted(RobotEvent):
    """A robot was deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEvent:
    """A fact about a run of a job; ``name`` is the job's vendor type and the execution's id, ``SCAN_ALL 7``."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRequested(ExecutionEvent):
    """Somebody asked for a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStopped(ExecutionEvent):
    """Somebody asked for the end of a run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEvent:
    """A fact about when a job is due; ``name`` is the job's vendor type, with its cron expression if it has one."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSet(ScheduleEvent):
    """Somebody put a job on a schedule, or on another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRemoved(ScheduleEvent):
    """Somebody took a job off its schedule."""
