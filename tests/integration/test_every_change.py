"""Every operation that changes something: refused while the registry is read-only, and written down with who did it."""

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
from tests.integration.changes import ACCOUNT, CHANGES, PULL, Change, Scene
from tests.integration.conftest import AsRobot, Caller
from tests.integration.test_api_matrix import MATRIX, PEOPLE
from tests.support.people import People
from tests.support.robots import entry, make_robot

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GOES_ON = {"updateConfigurations", "createGCSchedule", "updateGCSchedule", "stopGC", "stopDeletion"}
"""Operations that read-only mode does not refuse: the configuration, which holds its switch, and jobs."""
_LATEST = sa.select(AuditLog.username, AuditLog.operation, AuditLog.resource_type, AuditLog.resource, AuditLog.success)


@pytest.fixture
def scene(admin: httpx.Client, registry: httpx.Client, people: People, ports: Ports) -> Scene:
    """The people's installation."""
    return Scene(admin=admin, registry=registry, people=people, ports=ports)


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
    robot = make_robot(scene.admin, "ci", PULL)
    chosen = {"secret": "Chosen12345", "grace_period": 60}
    assert as_robot(robot).patch(f"/robots/{robot.id}", json=chosen).status_code == 200
    assert scene.admin.post("/users", json=ACCOUNT | {"password": "Chosen12345"}).status_code == 201
    assert scene.admin.put(
        f"/users/{scene.people['guest'].id}/password", json={"new_password": "Chosen12345"}
    ).is_success
    text = repr(written(scene.ports))
    assert not [secret for secret in (robot.secret, "Chosen12345", "Harbor12345") if secret in text]
