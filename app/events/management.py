"""The events of projects, users, groups, members, robots and jobs."""

from dataclasses import dataclass

from app.events.base import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectEvent(Event):
    """An event of a project."""

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
    """An event of a user account."""

    resource_type = "user"

    username: str

    @property
    def resource(self) -> str:
        """The account's name."""
        return self.username


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginEvent(UserEvent):
    """An event of a login; the account itself is the operator."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "operator", self.username)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailed(LoginEvent):
    """Wrong credentials were given for ``username`` from ``address``; the account need not exist."""

    operation = "login"
    succeeded = False

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn(LoginEvent):
    """A browser session was opened."""

    operation = "login"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOut(LoginEvent):
    """A browser session was ended by its own account."""

    operation = "logout"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCreated(UserEvent):
    """An account was created; it is itself the operator after self-registration."""

    operation = "create"

    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserUpdated(UserEvent):
    """An account was changed; ``what`` says which part.

    ``profile`` has no effect on logins; the other parts have: ``password``, ``email``, ``administrator``,
    ``disabled``.
    """

    operation = "update"

    user_id: int
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordRefused(UserEvent):
    """An authenticated caller was denied changing the password of ``username``."""

    operation = "update"
    succeeded = False
    most_a_minute = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class UserDeleted(UserEvent):
    """An account was deleted; ``username`` is its former name."""

    operation = "delete"

    user_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupEvent(Event):
    """An event of a user group."""

    resource_type = "user-group"

    group_id: int
    group_name: str

    @property
    def resource(self) -> str:
        """The group's name."""
        return self.group_name


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupCreated(UserGroupEvent):
    """A user group was created."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupRenamed(UserGroupEvent):
    """A user group was renamed; ``group_name`` is its new name."""

    operation = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserGroupDeleted(UserGroupEvent):
    """A user group was deleted."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberEvent(Event):
    """An event of a member of a project; ``entity_name`` is the name of the user or group."""

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
    """A user or group became a member with a role."""

    operation = "create"

    role: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberUpdated(MemberEvent):
    """The role of a member was changed."""

    operation = "update"

    role: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemoved(MemberEvent):
    """A member was removed from a project."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotEvent(Event):
    """An event of a robot account; ``project_id`` is 0 for a system robot, ``name`` is the full name."""

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
    """A robot was created."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotUpdated(RobotEvent):
    """A robot was changed; ``what`` says which part, ``settings`` or ``secret``."""

    operation = "update"

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotDeleted(RobotEvent):
    """A robot was deleted."""

    operation = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent(Event):
    """An event of a job; ``name`` begins with the job's vendor type."""

    name: str

    @property
    def resource(self) -> str:
        """The name."""
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionEvent(JobEvent):
    """An event of an execution; ``name`` is the job's vendor type and the execution's id, ``SCAN_ALL 7``."""

    resource_type = "execution"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRequested(ExecutionEvent):
    """An execution was requested."""

    operation = "create"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionStopped(ExecutionEvent):
    """The end of an execution was requested."""

    operation = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleEvent(JobEvent):
    """An event of a job's schedule; ``name`` is the job's vendor type, with its cron expression if it has one."""

    resource_type = "schedule"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSet(ScheduleEvent):
    """The schedule of a job was created or changed."""

    operation = "update"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRemoved(ScheduleEvent):
    """The schedule of a job was removed."""

    operation = "delete"
