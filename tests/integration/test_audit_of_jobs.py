"""What administrators do to jobs, and password changes that are refused, are on record in the name of who did it."""

import httpx
import pytest
import sqlalchemy as sa

from app.audit.models import AuditLog
from app.context import Context
from app.garbage.service import GarbageParameters, GarbageService, install_collections, install_purges
from tests.integration.conftest import AsRobot, Caller
from tests.support.people import People
from tests.support.robots import entry, make_robot

GC = "/system/gc"


def records(ctx: Context, *types: str) -> list[tuple[object, ...]]:
    """The newest last: who did what to which resource, and whether it was done."""
    shown = sa.select(
        AuditLog.username, AuditLog.operation, AuditLog.resource_type, AuditLog.resource, AuditLog.success
    )
    chosen = shown.where(AuditLog.resource_type.in_(types)).order_by(AuditLog.op_time, AuditLog.id)
    with ctx.read() as session:
        return [tuple(row) for row in session.execute(chosen)]


def test_collections(admin: httpx.Client, as_robot: AsRobot, ctx: Context) -> None:
    robot = make_robot(admin, "ci", entry("/", "garbage-collection:create", "garbage-collection:stop"))
    assert as_robot(robot).post(f"{GC}/schedule", json={"schedule": {"type": "Manual"}}).status_code == 201
    daily = {"schedule": {"type": "Daily"}}
    for method, path, body in (
        ("POST", f"{GC}/schedule", daily),
        ("PUT", f"{GC}/schedule", daily),
        ("PUT", f"{GC}/schedule", daily | {"parameters": {"workers": 2}}),
        ("PUT", f"{GC}/schedule", {"schedule": {"type": "None"}}),
        ("PUT", f"{GC}/schedule", {"schedule": {"type": "None"}}),
        ("PUT", f"{GC}/1", None),
        ("PUT", f"{GC}/1", None),
    ):
        assert admin.request(method, path, json=body).is_success
    due = "GARBAGE_COLLECTION 0 0 0 * * *"
    assert records(ctx, "execution", "schedule") == [
        (robot.name, "create", "execution", "GARBAGE_COLLECTION 1", True),
        ("admin", "update", "schedule", due, True),
        ("admin", "update", "schedule", due, True),
        ("admin", "delete", "schedule", "GARBAGE_COLLECTION", True),
        ("admin", "stop", "execution", "GARBAGE_COLLECTION 1", True),
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_the_command_line_asks_for_and_what_the_product_sets_up(ctx: Context) -> None:
    install_collections(ctx)
    install_purges(ctx)
    GarbageService(ctx).run(GarbageParameters())
    assert records(ctx, "execution", "schedule") == [("harbor", "create", "execution", "GARBAGE_COLLECTION 1", True)]


def test_refused_password_changes(caller: Caller, as_robot: AsRobot, people: People, ctx: Context) -> None:
    admin, guest = caller("admin"), people["guest"]
    robot = make_robot(admin, "keeper", entry("/", "user:update"))
    before = records(ctx, "user")
    path, body = f"/users/{guest.id}/password", {"old_password": "wrong", "new_password": "Another12345"}
    assert caller("guest").put(path, json=body).status_code == 403
    assert caller("developer").put(path, json=body).status_code == 403
    assert as_robot(robot).put(path, json=body).status_code == 403
    assert caller("developer").put("/users/4711/password", json=body).status_code == 403
    assert caller(None).put(path, json=body).status_code == 401
    assert admin.put(path, json={"new_password": "weak"}).status_code == 400
    assert admin.put(path, json=body).status_code == 200
    assert records(ctx, "user")[len(before) :] == [
        ("guest", "update", "user", "guest", False),
        ("developer", "update", "user", "guest", False),
        (robot.name, "update", "user", "guest", False),
        ("developer", "update", "user", "4711", False),
        ("admin", "update", "user", "guest", True),
    ]
