"""The audit log of a project: what is written down, who may read it, how it is asked for."""

from contextlib import closing
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.audit.models import AuditLog
from app.audit.service import COUNTED
from app.context import Context, Ports
from app.db import migrate, numbers
from app.db.database import Database
from app.events.management import LoginFailed, UserCreated
from tests.integration.conftest import AsRobot, Caller
from tests.support.accounts import PASSWORD
from tests.support.browser import Browser
from tests.support.people import People
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot

LOGS = "/projects/private/logs"
EXTS = "/projects/private/auditlog-exts"
_NAMES = ("stranger", "limited", "guest", "developer", "maintainer", "master", "admin")
_OUTSIDE = sa.select(
    AuditLog.username, AuditLog.operation, AuditLog.resource_type, AuditLog.resource, AuditLog.success
).where(AuditLog.project_id == 0)


def project_id(admin: httpx.Client) -> int:
    return int(admin.get("/projects/private").json()["project_id"])


def fill(ctx: Context, project: int, count: int) -> None:
    """Rows of one second each, the newest first in number."""
    now = ctx.ports.clock.now()
    with ctx.write() as session:
        for start in range(0, count, 5000):
            ids = numbers.take(session, numbers.AUDIT, min(5000, count - start))
            session.execute(
                sa.insert(AuditLog),
                [
                    {
                        "op_time": now - timedelta(seconds=number),
                        "id": ids[number - start],
                        "project_id": project,
                        "username": f"user{number % 3}",
                        "operation": ("create", "pull")[number % 2],
                        "resource_type": "artifact",
                        "resource": f"private/app:{number}",
                        "success": True,
                    }
                    for number in range(start, min(start + 5000, count))
                ],
            )


class TestIds:
    """Numbers that fit where clients keep them."""

    def test_they_are_small_and_rise(self, ctx: Context, admin: httpx.Client) -> None:
        for number in range(3):
            assert admin.post("/projects/private/metadatas/", json={"auto_scan": "true"}).status_code in (200, 409)
            assert admin.delete("/projects/private/metadatas/auto_scan").status_code == 200
            fill(ctx, project_id(admin), number)
        shown = [row["id"] for row in admin.get(EXTS, params={"sort": "id", "page_size": 100}).json()]
        assert len(shown) > 6
        assert shown == sorted(set(shown))
        assert max(shown) < 1000

    def test_the_migration_makes_large_ones_small(self, ctx: Context, admin: httpx.Client, ports: Ports) -> None:
        fill(ctx, project_id(admin), 20)
        before = [row["resource"] for row in admin.get(EXTS, params={"page_size": 100}).json()]
        migrate.downgrade(ports.db, "0007-1")
        with ports.db.write() as session:
            session.execute(sa.text("UPDATE audit_log SET id = id + 240000000000000 WHERE id > 5"))
        migrate.upgrade(ports.db)
        fill(ctx, project_id(admin), 1)
        rows = admin.get(EXTS, params={"page_size": 100}).json()
        assert sorted(row["resource"] for row in rows) == sorted([*before, "private/app:0"])
        assert max(row["id"] for row in rows) < 100
        assert len({row["id"] for row in rows}) == len(rows)


class TestRows:
    """What facts write down."""

    def test_in_a_project(self, admin: httpx.Client, people: People) -> None:
        added = admin.post(
            "/projects/private/members", json={"role_id": 3, "member_user": {"user_id": people["stranger"].id}}
        )
        member = f"/projects/private/members/{added.headers['Location'].rpartition('/')[2]}"
        made = make_robot(admin, "ci", entry("private", "log:list"), level="project")
        answers = [
            admin.put(member, json={"role_id": 4}),
            admin.delete(member),
            admin.patch(f"/robots/{made.id}", json={}),
            admin.delete(f"/robots/{made.id}"),
            admin.put("/projects/private", json={"metadata": {"auto_scan": "true"}}),
        ]
        assert [answer.status_code for answer in answers] == [200] * 5
        rows = admin.get(EXTS, params={"page_size": 7, "q": "username=admin"}).json()
        assert [(row["operation"], row["resource_type"], row["resource"]) for row in rows] == [
            ("update", "project", "private"),
            ("delete", "robot", "robot$private+ci"),
            ("update", "robot", "robot$private+ci"),
            ("delete", "member", "stranger"),
            ("update", "member", "stranger"),
            ("create", "robot", "robot$private+ci"),
            ("create", "member", "stranger"),
        ]
        assert {row["operation_result"] for row in rows} == {True}

    def test_outside_projects(self, app: Flask, admin: httpx.Client, database: Database) -> None:
        group = admin.post("/usergroups", json={"group_name": "team", "group_type": 3}).headers["Location"]
        body = {"username": "anna", "email": "anna@example.test", "realname": "Anna", "password": PASSWORD}
        anna = admin.post("/users", json=body).headers["Location"].removeprefix("/api/v2.0")
        with closing(Browser(app)) as browser:
            browser.logged_in("anna").get("/c/log_out")
            assert browser.log_in("anna", "Wrong12345").status_code == 401
        admin.put(f"{anna}/sysadmin", json={"sysadmin_flag": True})
        admin.delete(anna)
        admin.delete(group.removeprefix("/api/v2.0"))
        robot = make_robot(admin, "ci", entry("/", "project:list"))
        with database.read() as session:
            rows = session.execute(_OUTSIDE.order_by(AuditLog.op_time, AuditLog.id)).all()
        assert [tuple(row) for row in rows if "anna" in row or row.username == "admin"] == [
            ("admin", "create", "user-group", "team", True),
            ("admin", "create", "user", "anna", True),
            ("anna", "login", "user", "anna", True),
            ("anna", "logout", "user", "anna", True),
            ("anna", "login", "user", "anna", False),
            ("admin", "update", "user", "anna", True),
            ("admin", "delete", "user", "anna", True),
            ("admin", "delete", "user-group", "team", True),
            ("admin", "create", "robot", robot.name, True),
        ]

    def test_who_registers_has_done_it(self, ctx: Context, ports: Ports) -> None:
        nobody = Context(ports)
        with nobody.write() as session:
            nobody.emit(UserCreated(user_id=9, username="carla", operator="carla"))
            row = session.execute(_OUTSIDE).one()
        assert tuple(row) == ("carla", "create", "user", "carla", True)

    def test_a_name_longer_than_any_account_is_cut(self, ctx: Context) -> None:
        with ctx.write() as session:
            ctx.emit(LoginFailed(username="x" * 1000, address="127.0.0.1"))
            row = session.execute(sa.select(AuditLog).where(AuditLog.operation == "login")).scalar_one()
        assert (row.username, row.resource) == ("x" * 255, "x" * 512)


class TestReading:
    """The answers."""

    def test_both_models(self, admin: httpx.Client) -> None:
        admin.delete("/projects/private/repositories/none")
        older, newer = admin.get(LOGS).json()[-1], admin.get(EXTS).json()[-1]
        assert set(older) == {"id", "username", "resource", "resource_type", "operation", "op_time"}
        assert newer == older | {"operation_description": "create project: private", "operation_result": True}
        assert (older["username"], older["operation"], older["resource_type"]) == ("harbor", "create", "project")
        assert older["op_time"].endswith("Z")

    def test_what_failed_says_so(self, ctx: Context, admin: httpx.Client) -> None:
        project = project_id(admin)
        with ctx.write() as session:
            session.add(
                AuditLog(
                    op_time=ctx.ports.clock.now(),
                    id=numbers.take(session, numbers.AUDIT, 1)[0],
                    project_id=project,
                    username="anna",
                    operation="delete",
                    resource_type="artifact",
                    resource="private/app@sha256:0",
                    success=False,
                )
            )
        row = admin.get(EXTS, params={"q": "operation_result=false"}).json()[0]
        assert (row["operation_result"], row["operation_description"]) == (
            False,
            "delete artifact: private/app@sha256:0",
        )

    def test_other_projects_are_left_out(self, ctx: Context, admin: httpx.Client) -> None:
        fill(ctx, project_id(admin), 3)
        before = admin.get("/projects/public/logs").headers["X-Total-Count"]
        assert int(admin.get(LOGS).headers["X-Total-Count"]) == int(before) + 3

    def test_pages(self, ctx: Context, admin: httpx.Client) -> None:
        already = int(admin.get(LOGS).headers["X-Total-Count"])
        fill(ctx, project_id(admin), 25)
        first = admin.get(LOGS, params={"q": "resource_type=artifact"})
        assert first.headers["X-Total-Count"] == "25"
        assert first.headers["Link"] == (
            '</api/v2.0/projects/private/logs?page=2&page_size=10&q=resource_type=artifact>; rel="next"'
        )
        seen = [
            row["resource"]
            for page in (1, 2, 3, 4)
            for row in admin.get(LOGS, params={"q": "resource_type=artifact", "page": page}).json()
        ]
        assert seen == [f"private/app:{number}" for number in range(25)]
        everything = admin.get(LOGS, params={"page_size": 0})
        assert len(everything.json()) == already + 25
        assert admin.get(LOGS, params={"page_size": 101}).status_code == 422

    def test_query_and_order(self, ctx: Context, admin: httpx.Client) -> None:
        fill(ctx, project_id(admin), 12)

        def numbers(**params: str) -> list[int]:
            return [int(row["resource"].rpartition(":")[2]) for row in admin.get(EXTS, params=params).json()]

        assert numbers(q="username=user1") == [1, 4, 7, 10]
        assert numbers(q="username=~USER1,operation=pull") == [1, 7]
        assert numbers(q="resource=~app:1") == [1, 10, 11]
        assert numbers(q="operation=pull", sort="op_time") == [11, 9, 7, 5, 3, 1]
        assert numbers(q="operation=pull", sort="-op_time") == [1, 3, 5, 7, 9, 11]
        assert numbers(q="username=user0", sort="username,-resource") == [9, 6, 3, 0]
        moment = (ctx.ports.clock.now() - timedelta(seconds=6)).strftime("%Y-%m-%dT%H:%M:%S")
        assert set(numbers(q=f"operation=create,op_time=[{moment}~],resource_type=artifact")) <= {0, 2, 4, 6}
        assert 10 in numbers(q=f"operation=create,op_time=[~{moment}],resource_type=artifact")
        assert numbers(q="unknown=1,username=user2") == [2, 5, 8, 11]
        for wrong in ("username", "op_time=[a~b]", "op_time=[~", "id=x"):
            assert admin.get(EXTS, params={"q": wrong}).status_code == 400


class TestRights:
    """Who may read."""

    @pytest.mark.parametrize("path", ["logs", "auditlog-exts"])
    def test_by_caller(self, caller: Caller, path: str) -> None:
        def answers(project: str) -> dict[str | None, int]:
            return {name: caller(name).get(f"/projects/{project}/{path}").status_code for name in (None, *_NAMES)}

        refused: dict[str | None, int] = dict.fromkeys(_NAMES[:-2], 403)
        assert answers("private") == {None: 401, **refused, "master": 200, "admin": 200}
        assert answers("public") == {None: 401, **refused, "master": 200, "admin": 200}
        assert answers("none") == {None: 401, **refused, "master": 403, "admin": 404}

    @pytest.mark.parametrize(
        ("namespace", "right", "status"),
        [("private", "log:list", 200), ("*", "log:list", 200), ("public", "log:list", 403), ("*", "member:list", 403)],
    )
    def test_robots(self, admin: httpx.Client, as_robot: AsRobot, namespace: str, right: str, status: int) -> None:
        robot = as_robot(make_robot(admin, "ci", entry(namespace, right)))
        assert robot.get(LOGS).status_code == status
        assert robot.get("/projects/none/logs").status_code == 403

    def test_rows_of_a_deleted_project_are_not_those_of_its_successor(self, admin: httpx.Client) -> None:
        admin.post("/projects", json={"project_name": "again"})
        admin.delete("/projects/again")
        admin.post("/projects", json={"project_name": "again"})
        assert admin.get("/projects/again/logs").headers["X-Total-Count"] == "1"


class TestSpeed:
    """A long log."""

    @pytest.fixture
    def long(self, ctx: Context, admin: httpx.Client) -> None:
        fill(ctx, project_id(admin), COUNTED + 5)

    @pytest.mark.usefixtures("long")
    def test_pages_of_a_long_log(self, admin: httpx.Client, database: Database, people: People) -> None:
        admin.get(LOGS)
        with counted_statements(database) as statements:
            first = admin.get(LOGS, params={"q": "resource_type=artifact"})
        assert len([text for text in statements if "audit_log" in text]) == 2
        assert first.headers["X-Total-Count"] == str(COUNTED)
        size = 100
        last = admin.get(LOGS, params={"q": "resource_type=artifact", "page": COUNTED // size, "page_size": size})
        assert last.headers["X-Total-Count"] == str(COUNTED + 1)
        assert 'rel="next"' in last.headers["Link"]
        beyond = admin.get(LOGS, params={"q": "resource_type=artifact", "page": COUNTED // size + 1, "page_size": size})
        assert (beyond.headers["X-Total-Count"], len(beyond.json())) == (str(COUNTED + 5), 5)
        assert 'rel="next"' not in beyond.headers["Link"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("people")
def test_the_index_finds_the_page_and_the_total(admin: httpx.Client, database: Database) -> None:
    with counted_statements(database) as statements:
        admin.get(LOGS)
    asked = [text for text in statements if "audit_log" in text]
    with database.read() as session:
        connection = session.connection()
        for text in asked:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", (1,) * text.count("?"))
            plan = "\n".join(row.detail for row in rows)
            assert "COVERING INDEX ix_audit_log_project_id" in plan, plan
