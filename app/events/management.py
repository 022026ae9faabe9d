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
class ReadOnlySwitched:
    """The administrator switched read-only mode on or off."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailed:
    """Somebody gave wrong credentials for ``username`` from ``address``."""

    username: str
    address: str
