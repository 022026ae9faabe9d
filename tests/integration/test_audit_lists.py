"""The audit log of the whole installation: who reads which rows, how they are asked for, and at which cost."""

import re
from datetime import datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa

from app.audit import service
from app.audit.models import AuditLog
from app.context import Ports
from app.db import numbers
from app.db.database import Database
from app.events.catalog import facts
from app.projects.models import Project
from tests.integration.conftest import AsRobot, Caller
from tests.support.members import MEMBERS
from tests.support.people import People
from tests.support.queries import counted_statements, explaining
from tests.support.robots import entry, make_robot
from tests.unit.configuration.test_catalogue import HARBORS_EVENT_TYPES

LOGS, EXTS = "/audit-logs", "/auditlog-exts"
BEGIN = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
HOURS = "[2026-01-01T03:00:00~2026-01-01T09:00:00]"
PRIMARY, USER, PROJECT = "pk_audit_log", "ix_audit_log_username", "ix_audit_log_project_id"
SQLITE_NAMES = {PRIMARY: "sqlite_autoindex_audit_log_1"}
MANY = 60_000
"""Rows of ``grown``, one a second, of three projects and seven users in turn."""


def fill(ports: Ports, *rows: tuple[str, str, str, str]) -> None:
    """Add rows of project, user, operation and resource, a second after each other; no project is outside of any."""
    with ports.db.write() as session:
        ids = {row.name: row.id for row in session.execute(sa.select(Project.id, Project.name))}
        keys = numbers.take(session, numbers.AUDIT, len(rows))
        session.execute(
            sa.insert(AuditLog),
            [
                {
                    "op_time": BEGIN + timedelta(seconds=at),
                    "id": keys[at],
                    "project_id": ids.get(project, 0),
                    "username": user,
                    "operation": operation,
                    "resource_type": "artifact",
                    "resource": resource,
                }
                for at, (project, user, operation, resource) in enumerate(rows)
            ],
        )


def seen(client: httpx.Client, path: str = EXTS, **params: str | int) -> list[str]:
    answer = client.get(path, params={"page_size": 100, **params})
    assert answer.status_code == 200, answer.text
    return [row["resource"] for row in answer.json()]


@pytest.fixture
def stocked(ports: Ports, people: People) -> None:
    """Rows of two projects and of none, after those of making them were forgotten."""
    with ports.db.write() as session:
        session.execute(sa.delete(AuditLog))
    fill(
        ports,
        ("private", "anna", "create", "private/app:1"),
        ("public", "anna", "create", "public/app:1"),
        ("", "anna", "login", "anna"),
        ("private", "bob", "pull", "private/app:1"),
        ("public", "bob", "delete", "public/app:2"),
    )


@pytest.mark.usefixtures("stocked")
class TestRights:
    """Who reads which rows."""

    ALL = ("public/app:2", "private/app:1", "anna", "public/app:1", "private/app:1")
    OF_PROJECTS = ("public/app:2", "private/app:1", "public/app:1", "private/app:1")

    @pytest.mark.parametrize("path", [LOGS, EXTS])
    def test_people(self, caller: Caller, path: str) -> None:
        assert caller(None).get(path).status_code == 401
        for name in ("stranger", "limited", "guest", "developer", "maintainer"):
            answer = caller(name).get(path)
            assert (answer.json(), answer.headers["X-Total-Count"]) == ([], "0")
        assert seen(caller("master"), path) == list(self.OF_PROJECTS)
        assert seen(caller("admin"), path) == list(self.ALL)

    @pytest.mark.parametrize("path", [LOGS, EXTS])
    @pytest.mark.parametrize(
        ("namespace", "right", "rows"),
        [
            ("/", "audit-log:list", ALL),
            ("*", "log:list", OF_PROJECTS),
            ("private", "log:list", ("private/app:1", "private/app:1")),
            ("*", "member:list", ()),
        ],
    )
    def test_robots(
        self, admin: httpx.Client, as_robot: AsRobot, path: str, namespace: str, right: str, rows: tuple[str, ...]
    ) -> None:
        robot = as_robot(make_robot(admin, "ci", entry(namespace, right)))
        assert seen(robot, path, q="op_time=[~2026-01-02T00:00:00]") == list(rows)

    def test_the_rights_are_those_of_this_moment(self, caller: Caller, admin: httpx.Client, people: People) -> None:
        body = {"role_id": 1, "member_user": {"user_id": people["stranger"].id}}
        member = admin.post(MEMBERS, json=body).headers["Location"].removeprefix("/api/v2.0")
        assert "private/app:1" in seen(caller("stranger"))
        admin.put(member, json={"role_id": 4})
        assert seen(caller("stranger")) == []

    def test_a_project_of_the_past_is_read_by_administrators(self, caller: Caller, admin: httpx.Client) -> None:
        assert admin.delete("/projects/public").status_code == 200
        assert "public/app:2" in seen(admin)
        assert seen(caller("master")) == ["private/app:1", "private/app:1"]

    def test_event_types(self, caller: Caller, admin: httpx.Client, as_robot: AsRobot) -> None:
        path = f"{EXTS}/events"
        assert [caller(name).get(path).status_code for name in (None, "master", "admin")] == [401, 403, 200]
        robot = as_robot(make_robot(admin, "ci", entry("/", "audit-log:list")))
        types = [one["event_type"] for one in robot.get(path).json()]
        assert len(types) == len(set(types))
        assert set(types) == {f"{fact.operation}_{fact.resource_type}" for fact in facts() if fact.operation}
        assert set(types) >= HARBORS_EVENT_TYPES
        for name in types:
            changed = admin.put("/configurations", json={"disabled_audit_log_event_types": name})
            assert changed.status_code == 200, name


@pytest.mark.usefixtures("stocked")
class TestQuery:
    """What may be asked for."""

    @pytest.mark.parametrize("name", ["admin", "master"])
    def test_filters(self, caller: Caller, name: str) -> None:
        client = caller(name)
        assert seen(client, q="username=bob") == ["public/app:2", "private/app:1"]
        assert seen(client, q="username=~BO,operation=delete") == ["public/app:2"]
        assert seen(client, q="resource=private/app:1") == ["private/app:1"] * 2
        assert seen(client, q="resource=~PUBLIC/") == ["public/app:2", "public/app:1"]
        assert seen(client, q="resource_type=artifact,operation={create pull}", sort="op_time") == [
            "private/app:1",
            "public/app:1",
            "private/app:1",
        ]
        assert seen(client, q="op_time=[2026-01-01T00:00:03~2026-01-01T00:00:04]") == ["public/app:2", "private/app:1"]
        assert seen(client, q="op_time=[~2026-01-01T00:00:01],username=anna") == ["public/app:1", "private/app:1"]
        assert seen(client, q="operation_result=true", sort="-op_time", page_size=1) == ["public/app:2"]
        assert seen(client, sort="resource,-op_time", q="operation={create delete}") == [
            "private/app:1",
            "public/app:1",
            "public/app:2",
        ]
        assert seen(client, sort="unknown", q="unknown=1", page_size=1) == ["public/app:2"]

    @pytest.mark.parametrize("name", ["admin", "master"])
    @pytest.mark.parametrize("q", ["username", "op_time=[a~b]", "op_time=[~", "id=x", "username__what=1"])
    def test_mistakes(self, caller: Caller, name: str, q: str) -> None:
        assert [caller(name).get(path, params={"q": q}).status_code for path in (LOGS, EXTS)] == [400, 400]

    @pytest.mark.parametrize("name", ["admin", "master"])
    @pytest.mark.parametrize("sort", ["", "op_time"])
    def test_pages(self, caller: Caller, ports: Ports, monkeypatch: pytest.MonkeyPatch, name: str, sort: str) -> None:
        fill(ports, *((("private", "public")[at % 2], "carl", "pull", f"app:{at}") for at in range(57)))
        client, wanted = caller(name), [f"app:{at}" for at in range(57)]
        for most in (1_000, 30):
            monkeypatch.setattr(service, "_FROM_EACH", most)
            rows = [
                resource
                for page in range(1, 8)
                for resource in seen(client, q="operation=pull,resource=~app:", sort=sort, page=page, page_size=10)
                if not resource.startswith("private")
            ]
            assert rows == (wanted if sort else wanted[::-1])

    def test_rows_of_one_moment_are_on_one_page_each(self, caller: Caller, ports: Ports) -> None:
        fill(ports, *(("private", "carl", "pull", f"app:{at}") for at in range(20)))
        with ports.db.write() as session:
            session.execute(sa.update(AuditLog).values(op_time=BEGIN))
        for name in ("admin", "master"):
            pages = [seen(caller(name), q="username=carl", page=page, page_size=7) for page in (1, 2, 3)]
            assert [row for page in pages for row in page] == [f"app:{at}" for at in reversed(range(20))]


@pytest.fixture
def grown(ports: Ports, people: People) -> Database:
    """A long log."""
    with ports.db.write() as session:
        session.execute(_GROW_SQLITE if ports.db.sqlite else _GROW_POSTGRESQL, {"many": MANY})
    if not ports.db.sqlite:
        with ports.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
    return ports.db


_GROW_SQLITE = sa.text(
    "WITH RECURSIVE made(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM made WHERE i < :many)"
    " INSERT INTO audit_log (op_time, id, project_id, username, operation, resource_type, resource, success)"
    " SELECT datetime('2026-01-01', i || ' seconds') || '.000000', 1000 + i, i % 3, 'user-' || (i % 7), 'pull',"
    " 'artifact', 'app:' || i, true FROM made"
)
_GROW_POSTGRESQL = sa.text(
    "INSERT INTO audit_log (op_time, id, project_id, username, operation, resource_type, resource, success)"
    " SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00' + i * INTERVAL '1 s', 1000 + i, i % 3, 'user-' || (i % 7), 'pull',"
    " 'artifact', 'app:' || i, true FROM generate_series(1, CAST(:many AS INTEGER)) AS made(i)"
)


class TestLength:
    """A long log costs as much as a short one."""

    @pytest.mark.usefixtures("grown")
    def test_totals_are_bounded_and_lead_to_the_end(self, caller: Caller) -> None:
        client = caller("admin")
        first = client.get(EXTS, params={"q": "operation=pull"})
        assert first.headers["X-Total-Count"] == str(service.COUNTED)
        assert 'rel="next"' in first.headers["Link"]
        deep = client.get(EXTS, params={"q": "operation=pull", "page": MANY // 100, "page_size": 100})
        assert deep.headers["X-Total-Count"] == str(MANY)
        assert 'rel="next"' not in deep.headers["Link"]
        for who in ("admin", "master"):
            beyond = caller(who).get(EXTS, params={"page": 10**6, "page_size": 100})
            assert (beyond.headers["X-Total-Count"], beyond.json()) == (str(service.COUNTED), [])
            assert "Link" not in beyond.headers
        some = client.get(EXTS, params={"q": "username=user-3"})
        assert (some.headers["X-Total-Count"], len(some.json())) == (str((MANY + 4) // 7), 10)

    @pytest.mark.parametrize("q", ["", "resource=~nothing", "operation=pull"])
    def test_who_may_read_no_row_looks_at_none(self, grown: Database, caller: Caller, q: str) -> None:
        client = caller("developer")
        with counted_statements(grown) as statements:
            answer = client.get(EXTS, params={"q": q})
        assert (answer.json(), answer.headers["X-Total-Count"]) == ([], "0")
        assert [text for text in statements if "audit_log" in text] == []

    @pytest.mark.usefixtures("grown")
    def test_sorted_by_others_than_time(self, caller: Caller) -> None:
        rows = seen(caller("admin"), q="operation=pull", sort="id", page_size=1)
        assert rows == [f"app:{MANY - service.COUNTED + 1}"]

    @pytest.mark.parametrize(
        ("name", "path", "q", "index"),
        [
            ("admin", EXTS, "", PRIMARY),
            ("admin", EXTS, f"op_time={HOURS}", PRIMARY),
            ("admin", EXTS, "username=user-3", USER),
            ("admin", EXTS, f"username=user-3,op_time={HOURS}", USER),
            ("master", EXTS, "", PROJECT),
            ("master", EXTS, f"op_time={HOURS}", PROJECT),
            ("master", EXTS, f"username=user-3,op_time={HOURS}", USER),
            ("admin", "/projects/private/auditlog-exts", "", PROJECT),
            ("master", "/projects/private/auditlog-exts", f"op_time={HOURS}", PROJECT),
        ],
    )
    def test_plans(self, grown: Database, caller: Caller, name: str, path: str, q: str, index: str) -> None:
        client = caller(name)
        params = {"q": q} if q else {}
        client.get(path, params=params)
        with counted_statements(grown) as statements, explaining(grown, "audit_log", small=True) as plans:
            assert client.get(path, params=params).status_code == 200
        assert len([text for text in statements if "audit_log" in text]) == len(plans) == 2
        for plan in plans:
            if grown.sqlite:
                assert f"COVERING INDEX {SQLITE_NAMES.get(index, index)}" in plan, plan
                whole = [line for line in plan.splitlines() if line.startswith("SCAN audit_log")]
                assert all("COVERING" in line for line in whole), plan
            elif not (q or "Filter" in plan) and re.search(r"Limit .*\n +->  Seq Scan", plan):
                """The total of everything is counted to its bound anywhere in the table."""
            else:
                assert re.search(rf"Index (Only )?Scan( Backward)? using {index}\b", plan), plan
                assert "Seq Scan on audit_log" not in plan, plan
            assert len(re.findall("USE TEMP B-TREE FOR ORDER BY|Sort Key", plan)) <= (2 if index == PROJECT else 1), (
                plan
            )
