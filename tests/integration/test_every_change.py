"""Every operation that changes something: refused while the registry is read-only, and written down with who did it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.access.table import ROBOT_PROJECT, ROBOT_SYSTEM
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.db import gate
from app.web.openapi import document
from tests.contract.api.compare import operations
from tests.integration.conftest import AsRobot, Caller
from tests.integration.test_api_matrix import MATRIX, PEOPLE
from tests.support.immutability import RULES, make_rule, rule_body
from tests.support.members import MEMBERS, make_group
from tests.support.people import People
from tests.support.robots import entry, make_robot, robot_body

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Row = tuple[str, str, str]
"""Operation, kind of thing and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change, and what is written down about it; ``{id}`` in the path is what ``made`` returns."""

    method: str
    path: str
    row: Row
    body: dict[str, Any]
    made: Callable[["Scene"], int] | None = None
    by_robot: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Who and what is there."""

    admin: httpx.Client
    people: People
    ports: Ports

    def robot(self, level: str) -> int:
        return make_robot(self.admin, "ci", entry("private", "repository:pull"), level=level).id

    def label(self) -> int:
        made = self.admin.post("/labels", json={"name": "stable", "scope": "g"})
        return int(made.headers["Location"].rpartition("/")[2])

    def member(self) -> int:
        return int(self.admin.get(f"{MEMBERS}?entityname=guest").json()[0]["id"])

    def rule(self) -> int:
        return make_rule(self.admin)


_ACCOUNT = {"username": "new", "password": "Harbor12345", "email": "new@example.test", "realname": "New"}
_RULE, _OFF = f"{RULES}/{{id}}", {"id": 1, "disabled": True}
_PULL = entry("private", "repository:pull")
_OLD = {"name": "old", "access": [{"resource": "/project/1/repository", "action": "pull"}]}
CHANGES = (
    Change(method="POST", path="/users", body=_ACCOUNT, row=("create", "user", "new")),
    Change(
        method="PUT",
        path="/users/{id}",
        body={"email": "new@example.test"},
        row=("update", "user", "guest"),
        made=lambda scene: scene.people["guest"].id,
    ),
    Change(
        method="PUT",
        path="/users/{id}/password",
        body={"new_password": "Another12345"},
        row=("update", "user", "guest"),
        made=lambda scene: scene.people["guest"].id,
    ),
    Change(
        method="PUT",
        path="/users/{id}/sysadmin",
        body={"sysadmin_flag": True},
        row=("update", "user", "guest"),
        made=lambda scene: scene.people["guest"].id,
        by_robot=False,
    ),
    Change(
        method="DELETE",
        path="/users/{id}",
        body={},
        row=("delete", "user", "guest"),
        made=lambda scene: scene.people["guest"].id,
    ),
    Change(
        method="POST",
        path="/usergroups",
        body={"group_name": "few", "group_type": 3},
        row=("create", "user-group", "few"),
    ),
    Change(
        method="PUT",
        path="/usergroups/{id}",
        body={"group_name": "many"},
        row=("update", "user-group", "many"),
        made=lambda scene: make_group(scene.ports, "few"),
    ),
    Change(
        method="DELETE",
        path="/usergroups/{id}",
        body={},
        row=("delete", "user-group", "few"),
        made=lambda scene: make_group(scene.ports, "few"),
    ),
    Change(method="POST", path="/projects", body={"project_name": "new"}, row=("create", "project", "new")),
    Change(
        method="PUT",
        path="/projects/private",
        body={"metadata": {"auto_scan": "true"}},
        row=("update", "project", "private"),
    ),
    Change(method="DELETE", path="/projects/private", body={}, row=("delete", "project", "private")),
    Change(
        method="POST",
        path="/projects/private/metadatas/",
        body={"auto_scan": "true"},
        row=("update", "project", "private"),
    ),
    Change(
        method="PUT",
        path="/projects/private/metadatas/public",
        body={"public": "true"},
        row=("update", "project", "private"),
    ),
    Change(method="DELETE", path="/projects/private/metadatas/public", body={}, row=("update", "project", "private")),
    Change(
        method="POST",
        path=MEMBERS,
        body={"role_id": 1, "member_user": {"username": "stranger"}},
        row=("create", "member", "stranger"),
    ),
    Change(
        method="PUT",
        path=MEMBERS + "/{id}",
        body={"role_id": 1},
        row=("update", "member", "guest"),
        made=Scene.member,
    ),
    Change(method="DELETE", path=MEMBERS + "/{id}", body={}, row=("delete", "member", "guest"), made=Scene.member),
    Change(method="POST", path="/robots", body=robot_body("new", _PULL), row=("create", "robot", "robot$new")),
    Change(
        method="PUT",
        path="/robots/{id}",
        body=robot_body("robot$ci", _PULL),
        row=("update", "robot", "robot$ci"),
        made=lambda scene: scene.robot("system"),
        by_robot=False,
    ),
    Change(
        method="PATCH",
        path="/robots/{id}",
        body={"secret": ""},
        row=("update", "robot", "robot$ci"),
        made=lambda scene: scene.robot("system"),
        by_robot=False,
    ),
    Change(
        method="DELETE",
        path="/robots/{id}",
        body={},
        row=("delete", "robot", "robot$private+ci"),
        made=lambda scene: scene.robot("project"),
    ),
    Change(method="POST", path="/projects/private/robots", body=_OLD, row=("create", "robot", "robot$private+old")),
    Change(
        method="PUT",
        path="/projects/private/robots/{id}",
        body={"disable": True},
        row=("update", "robot", "robot$private+ci"),
        made=lambda scene: scene.robot("project"),
        by_robot=False,
    ),
    Change(
        method="DELETE",
        path="/projects/private/robots/{id}",
        body={},
        row=("delete", "robot", "robot$private+ci"),
        made=lambda scene: scene.robot("project"),
    ),
    Change(
        method="PUT",
        path="/configurations",
        body={"session_timeout": 30, "ldap_search_password": "Harbor12345", "self_registration": False},
        row=("update", "configuration", "session_timeout: 60 -> 30, ldap_search_password"),
        by_robot=False,
    ),
    Change(
        method="PUT",
        path="/system/CVEAllowlist",
        body={"items": []},
        row=("update", "configuration", "CVE allowlist"),
        by_robot=False,
    ),
    Change(
        method="POST",
        path="/labels",
        body={"name": "stable", "scope": "p", "project_id": 1},
        row=("create", "label", "stable"),
    ),
    Change(
        method="PUT",
        path="/labels/{id}",
        body={"name": "steady"},
        row=("update", "label", "steady"),
        made=lambda scene: scene.label(),
    ),
    Change(
        method="DELETE",
        path="/labels/{id}",
        body={},
        row=("delete", "label", "stable"),
        made=lambda scene: scene.label(),
    ),
    Change(method="POST", path=RULES, body=rule_body(), row=("create", "immutable-tag", "1")),
    Change(method="PUT", path=_RULE, body=_OFF, row=("update", "immutable-tag", "1"), made=lambda scene: scene.rule()),
    Change(method="DELETE", path=_RULE, body={}, row=("delete", "immutable-tag", "1"), made=lambda scene: scene.rule()),
)
GOES_ON = {"updateConfigurations", "createGCSchedule", "updateGCSchedule", "stopGC"}
"""Operations that read-only mode does not refuse: the configuration, which holds its switch, and jobs."""
_LATEST = sa.select(AuditLog.username, AuditLog.operation, AuditLog.resource_type, AuditLog.resource, AuditLog.success)


@pytest.fixture
def scene(admin: httpx.Client, people: People, ports: Ports) -> Scene:
    """The people's installation."""
    return Scene(admin=admin, people=people, ports=ports)


def written(ports: Ports, *, done: bool = False) -> list[tuple[object, ...]]:
    """The rows, newest first, or those of what was ``done``."""
    latest = _LATEST.where(AuditLog.success) if done else _LATEST
    with ports.db.read() as session:
        return [tuple(row) for row in session.execute(latest.order_by(AuditLog.op_time.desc(), AuditLog.id.desc()))]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.method} {change.path}")
@pytest.mark.parametrize("by", ["admin", "robot$all"])
def test_it_is_written_down_with_who_did_it(scene: Scene, as_robot: AsRobot, change: Change, by: str) -> None:
    caller = scene.admin
    if by != "admin":
        tables = {"/": ROBOT_SYSTEM, "*": ROBOT_PROJECT}
        everything = [
            entry(space, *(f"{what}:{action}" for what, actions in table.items() for action in actions))
            for space, table in tables.items()
        ]
        caller = as_robot(make_robot(scene.admin, "all", *everything))
    path = change.path.format(id=change.made(scene) if change.made else "")
    before = written(scene.ports)
    answer = caller.request(change.method, path, json=change.body)
    after = written(scene.ports)
    if by == "admin" or change.by_robot:
        assert answer.is_success, answer.text
        assert after == [(by, *change.row, True), *before]
    else:
        assert answer.status_code == 403
        operation, kind, _ = change.row
        assert after[1:] == before
        assert (after[0][:3], after[0][4]) == ((by, operation, kind), False)


def test_it_is_refused_while_the_registry_is_read_only(app: Flask, caller: Caller, ctx: Context) -> None:
    unsafe = {
        operation["operationId"]: method
        for method, _, operation in operations(document(app))
        if method not in ("GET", "HEAD")
    }
    assert len(unsafe) >= len(CHANGES)
    with ctx.write() as session:
        gate.switch(session, on=True)
    before = written(ctx.ports, done=True)
    for name, method in unsafe.items():
        for at, who in enumerate(PEOPLE):
            path = MATRIX[name].path.format(project="private")
            answer = caller(who).request(method, path, json=MATRIX[name].body)
            if name in GOES_ON:
                assert answer.status_code == MATRIX[name].private.people[at], name
            else:
                assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "DENIED"), name
    assert written(ctx.ports, done=True) == before


def test_no_row_holds_a_secret(scene: Scene, as_robot: AsRobot) -> None:
    robot = make_robot(scene.admin, "ci", _PULL)
    chosen = {"secret": "Chosen12345", "grace_period": 60}
    assert as_robot(robot).patch(f"/robots/{robot.id}", json=chosen).status_code == 200
    assert scene.admin.post("/users", json=_ACCOUNT | {"password": "Chosen12345"}).status_code == 201
    assert scene.admin.put(
        f"/users/{scene.people['guest'].id}/password", json={"new_password": "Chosen12345"}
    ).is_success
    text = repr(written(scene.ports))
    assert not [secret for secret in (robot.secret, "Chosen12345", "Harbor12345") if secret in text]
