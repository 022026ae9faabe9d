"""An installation whose management API is measured: a database filled by bulk inserts and gunicorn in front of it."""

import os
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast
from unittest import mock
from urllib.parse import urlencode, urlsplit

import httpx
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.access.roles import Role
from app.artifacts.models import Repository
from app.audit.models import AuditLog
from app.context import Ports
from app.db.base import Base
from app.db.parts import parts
from app.identity.models import User
from app.projects.models import Project, ProjectMember, ProjectMetadata
from app.settings import load
from app.wiring import build
from tests.bench.api import content
from tests.bench.client import NO_HEADERS, Connection
from tests.support.accounts import PASSWORD, make_project, make_user
from tests.support.databases import migrate
from tests.support.server import serve

ADMIN: Final = "admin"
ORDINARY: Final = "ordinary"
"""Belongs to every second project; another tenth is public."""
CROWD: Final = "crowd"
"""The project of many members."""
MADE: Final = "made-"
"""How the names begin of projects that a measurement makes."""
EACH: Final = 10
"""The repositories of a project."""
HOURS: Final = "[2025-01-01T00:00:00~2025-01-08T00:00:00]"
"""A week of the audit log, which begins with 2025 and has a row each ten seconds, of a hundred users in turn."""
FORM: Final = "application/x-www-form-urlencoded"
_TOKEN: Final = "X-Harbor-CSRF-Token"


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is."""

    projects: int
    users: int
    members: int
    """Of CROWD."""
    audit: int = 0
    """Rows of the audit log."""

    @property
    def repositories(self) -> int:
        """Ten in each project."""
        return self.projects * EACH

    artifacts: int = 0
    """Of CROWD's repository of many."""
    services: int = 0
    """Repositories, in all projects together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A running installation; everything is put into it behind the server's back."""

    ports: Ports
    host: str
    port: int

    def connection(self, headers: Mapping[str, str] = NO_HEADERS) -> Connection:
        """A new kept-alive connection."""
        return Connection(self.host, self.port, headers=headers)

    def basic(self, name: str) -> dict[str, str]:
        """The headers of basic credentials."""
        return {"Authorization": "Basic " + b64encode(f"{name}:{PASSWORD}".encode()).decode()}

    def before_login(self) -> dict[str, str]:
        """The headers that a browser sends with its login."""
        answer = httpx.get(f"http://{self.host}:{self.port}/api/v2.0/systeminfo")
        return {_TOKEN: answer.headers[_TOKEN], "Cookie": _cookies(answer)}

    def session(self, name: str) -> dict[str, str]:
        """The headers of a new session."""
        with self.connection(self.before_login()) as connection:
            answer = connection.request("POST", "/c/login", login_form(name), kind=FORM).expect(200)
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}

    def grow(self, size: Size) -> None:
        """Fill up to that size."""
        with self.ports.db.write() as session:
            self._add_users(session, size.users)
            self._add_projects(session, size.projects)
            self._add_members(session, size.members)
            content.add_repositories(session, size.services)
            self._add_repositories(session, size.repositories)
            self._add_audit_rows(session, size.audit)
            content.add_artifacts(session, CROWD, size.artifacts)
        self._settle()

    def remove_made(self) -> None:
        """Delete the projects that measurements made."""
        with self.ports.db.write() as session:
            session.execute(sa.delete(Project).where(Project.name.startswith(MADE)))
        self._settle()

    def _settle(self) -> None:
        """What PostgreSQL does by itself some time later."""
        if not self.ports.db.sqlite:
            with self.ports.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(sa.text("VACUUM ANALYZE"))

    def _add_users(self, session: Session, wanted: int) -> None:
        names = [user_name(number) for number in range(_count(session, User), wanted)]
        (secret,) = session.execute(sa.select(User.password_hash).where(User.username == ADMIN)).scalars()
        alike = {"password_hash": secret, **_moments()}
        _insert(session, User, [{"username": name, "email": f"{name}@example.test"} | alike for name in names])

    def _add_projects(self, session: Session, wanted: int) -> None:
        numbers, moments = range(_count(session, Project), wanted), _moments()
        admin, ordinary = _ids(session, User.id, User.username.in_((ADMIN, ORDINARY)))
        projects: list[dict[str, object]] = [
            {"name": f"project-{number:06}", "owner_id": admin, "public": number % 10 == 2, "repo_count": number % 7}
            for number in numbers
        ]
        _insert(session, Project, [project | moments for project in projects])
        ids = _ids(session, Project.id, Project.name.startswith("project-"))[-len(numbers) :]
        held = [(project, admin, Role.PROJECT_ADMIN) for project in ids]
        held += [(ids[at], ordinary, Role.DEVELOPER) for at, number in enumerate(numbers) if number % 2]
        _insert(session, ProjectMember, [_membership(*one) | moments for one in held])
        settings: tuple[dict[str, object], ...] = (
            {"name": "auto_scan", "value": "true"},
            {"name": "prevent_vul", "value": "false"},
        )
        _insert(session, ProjectMetadata, [{"project_id": project} | one for project in ids for one in settings])

    def _add_repositories(self, session: Session, wanted: int) -> None:
        known, moments = _count(session, Repository), _moments()
        projects = session.execute(
            sa.select(Project.id, Project.name).where(Project.name.startswith("project-")).order_by(Project.id)
        ).all()[known // EACH :]
        rows: list[dict[str, object]] = [
            {"project_id": project.id, "name": f"{project.name}/service-{at}-{project.id}", "published": True}
            for project in projects
            for at in range(EACH)
        ]
        _insert(session, Repository, [row | moments for row in rows[: wanted - known]])

    def _add_audit_rows(self, session: Session, wanted: int) -> None:
        """Without indexes while rows are added, as SQLite would take ten minutes."""
        known = _count(session, AuditLog)
        if wanted <= known:
            return
        indexes = cast("sa.Table", AuditLog.__table__).indexes
        for index in indexes:
            index.drop(session.connection())
        statement = _AUDIT_SQLITE if self.ports.db.sqlite else _AUDIT_POSTGRESQL
        session.execute(statement, {"low": known + 1, "high": wanted})
        for index in indexes:
            index.create(session.connection())

    def _add_members(self, session: Session, wanted: int) -> None:
        (crowd,) = _ids(session, Project.id, Project.name == CROWD)
        users = _ids(session, User.id, User.username.startswith("user-"))
        known = set(_ids(session, ProjectMember.entity_id, ProjectMember.project_id == crowd))
        spread = [user for user in users[:: max(1, len(users) // wanted)] if user not in known]
        missing = spread[: wanted - len(known)]
        _insert(session, ProjectMember, [_membership(crowd, user, Role.GUEST) | _moments() for user in missing])


_AUDIT_SQLITE: Final = sa.text(
    "WITH RECURSIVE made(i) AS (SELECT :low UNION ALL SELECT i + 1 FROM made WHERE i < :high)"
    " INSERT INTO audit_log (op_time, id, project_id, username, operation, resource_type, resource, success)"
    " SELECT datetime('2025-01-01', (i * 10) || ' seconds') || '.000000', 1000000000 + i, i % 1000,"
    " 'user-' || (i % 100), 'pull', 'artifact', 'project/app:' || i, true FROM made"
)
_AUDIT_POSTGRESQL: Final = sa.text(
    "INSERT INTO audit_log (op_time, id, project_id, username, operation, resource_type, resource, success)"
    " SELECT TIMESTAMPTZ '2025-01-01 00:00:00+00' + i * INTERVAL '10 s', 1000000000 + i, i % 1000,"
    " 'user-' || (i % 100), 'pull', 'artifact', 'project/app:' || i, true"
    " FROM generate_series(CAST(:low AS INTEGER), CAST(:high AS INTEGER)) AS made(i)"
)


def user_name(number: int) -> str:
    """The name of one of the many users, counted from 2; their passwords are all the same."""
    return f"user-{number:06}"


def login_form(name: str) -> bytes:
    """The body of a login."""
    return urlencode({"principal": name, "password": PASSWORD}).encode()


@contextmanager
def scene(folder: Path, url: str) -> Iterator[Scene]:
    """An installation over the empty database at ``url``, served by two processes of gunicorn; stopped at the end."""
    environment = {"HARBOR_DATA_DIR": str(folder / "data"), "HARBOR_DATABASE_URL": url}
    migrate(url)
    with mock.patch.dict(os.environ, environment):
        ports = build(load())
    try:
        make_user(ports, ADMIN, sysadmin=True)
        make_user(ports, ORDINARY)
        make_project(ports, CROWD)
        make_project(ports, content.ALL_IN_ONE)
        with serve(environment, folder / "server.log") as server:
            address = urlsplit(server.url)
            yield Scene(ports=ports, host=address.hostname or "", port=address.port or 0)
    finally:
        ports.db.dispose()


def _insert(session: Session, model: type[Base], rows: Sequence[Mapping[str, object]]) -> None:
    for some in parts(rows):
        session.execute(sa.insert(model), some)


def _ids(session: Session, column: sa.SQLColumnExpression[int], *wanted: sa.ColumnElement[bool]) -> list[int]:
    return list(session.execute(sa.select(column).where(*wanted).order_by(column)).scalars())


def _count(session: Session, model: type[Base]) -> int:
    return session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()


def _membership(project: int, user: int, role: Role) -> dict[str, object]:
    return {
        "project_id": project,
        "entity_type": "u",
        "entity_id": user,
        "entity_name": user_name(user),
        "role": int(role),
    }


def _moments() -> dict[str, object]:
    now = datetime.now(UTC)
    return {"creation_time": now, "update_time": now}


def _cookies(answer: httpx.Response) -> str:
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())
