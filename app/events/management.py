"""What happened to projects, people, robots and jobs."""

from dataclasses import dataclass

from app.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectEvent(Event):
    """A fact about a project."""

    resource_type = "project"

    project_id: int
    name: str

    @property
    def resource(self) -> str:
        """The project's name."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectCreated(ProjectEvent):
    """A project was created."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectUpdated(ProjectEvent):
    """A project's settings were changed."""

    operation = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectDeleted(ProjectEvent):
    """A project was deleted."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserEvent(Event):
    """A fact about an account."""

    resource_type = "user"

    username: str

    @property
    def resource(self) -> str:
        """The account's name."""
        return self.username


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginEvent(UserEvent):
    """A fact about a login; the account itself is the operator."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "operator", self.username)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailed(LoginEvent):
    """Wrong credentials were given for ``username`` from ``address``, whether or not there is such an account."""

    operation = "login"
    succeeded = False

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn(LoginEvent):
    """A session began."""

    operation = "login"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut(LoginEvent):
    """A session was ended by its own account."""

    operation = "logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(UserEvent):
    """An account was made; its own name is the operator's when people register themselves."""

    operation = "create"

    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdated(UserEvent):
    """An account was changed; ``what`` says which part.

    ``profile`` is what people say about themselves; anything else decides who can log in as it: ``password``,
    ``email``, ``administrator``, ``disabled``.
    """

    operation = "update"

    user_id: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRefused(UserEvent):
    """A caller who is logged in asked for another password of ``username`` and was denied it."""

    operation = "update"
    succeeded = False
    most_a_minute = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleted(UserEvent):
    """An account was deleted; ``username`` is the name it had."""

    operation = "delete"

    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupEvent(Event):
    """A fact about a group of people."""

    resource_type = "user-group"

    group_id: int
    group_name: str

    @property
    def resource(self) -> str:
        """The group's name."""
        return self.group_name


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupCreated(UserGroupEvent):
    """A group of people was made."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupRenamed(UserGroupEvent):
    """A group of people has another name."""

    operation = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupDeleted(UserGroupEvent):
    """A group of people was deleted."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEvent(Event):
    """A fact about a member of a project; ``entity_name`` is the user's or group's."""

    resource_type = "member"

    project_id: int
    project: str
    entity_name: str

    @property
    def resource(self) -> str:
        """The name of the user or group."""
        return self.entity_name


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAdded(MemberEvent):
    """A user or group was given a role."""

    operation = "create"

    role: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberUpdated(MemberEvent):
    """A member was given another role."""

    operation = "update"

    role: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved(MemberEvent):
    """A membership ended."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotEvent(Event):
    """A fact about a robot account; ``project_id`` is 0 for a system robot, ``name`` is the full one."""

    resource_type = "robot"

    project_id: int
    robot_id: int
    name: str

    @property
    def resource(self) -> str:
        """The robot's full name."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotCreated(RobotEvent):
    """A robot was made."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotUpdated(RobotEvent):
    """A robot was changed; ``what`` says which part, as ``settings`` or ``secret``."""

    operation = "update"

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotDeleted(RobotEvent):
    """A robot was deleted."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent(Event):
    """A fact about a job; ``name`` begins with the job's vendor type."""

    name: str

    @property
    def resource(self) -> str:
        """The name."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEvent(JobEvent):
    """A fact about a run of a job; ``name`` is the job's vendor type and the execution's id, ``SCAN_ALL 7``."""

    resource_type = "execution"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRequested(ExecutionEvent):
    """A run was asked for."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStopped(ExecutionEvent):
    """The end of a run was asked for."""

    operation = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEvent(JobEvent):
    """A fact about when a job is due; ``name`` is the job's vendor type, with its cron expression if it has one."""

    resource_type = "schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSet(ScheduleEvent):
    """A job was put on a schedule, or on another one."""

    operation = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRemoved(ScheduleEvent):
    """A job was taken off its schedule."""

    operation = "delete"
