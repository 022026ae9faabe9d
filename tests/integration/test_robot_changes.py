"""Robot accounts through the management API: how they change and end."""

import threading
from datetime import datetime
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.events.management import RobotCreated, RobotDeleted, RobotUpdated
from app.robots.models import Robot, RobotPermission
from tests.integration.conftest import AsRobot, Caller
from tests.support.accounts import make_project
from tests.support.queries import counted_statements
from tests.support.robots import MadeRobot, change_robot, entry, make_robot, robot_body

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PULL = entry("private", "repository:pull")
PUSH = entry("private", "repository:pull", "repository:push")
DAY = 86_400


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


class TestUpdate:
    def test_everything_that_can_change(self, admin: httpx.Client) -> None:
        robot = make_robot(admin, "ci", PUSH, entry("/", "catalog:read"))
        before = admin.get(f"/robots/{robot.id}").json()
        change = {
            "disable": True,
            "description": "new",
            "duration": 10,
            "permissions": [PULL, entry("public", "tag:list")],
        }
        assert change_robot(admin, robot, **change).status_code == 200
        after = admin.get(f"/robots/{robot.id}").json()
        created = datetime.fromisoformat(before["creation_time"]).timestamp()
        assert (after["disable"], after["description"], after["duration"]) == (True, "new", 10)
        assert after["expires_at"] == int(created) + 10 * DAY
        shown = [(each["namespace"], [a["action"] for a in each["access"]]) for each in after["permissions"]]
        assert shown == [("private", ["pull"]), ("public", ["list"])]

    def test_without_a_duration_the_end_stays(self, admin: httpx.Client) -> None:
        robot = make_robot(admin, "ci", PULL, duration=3)
        before = admin.get(f"/robots/{robot.id}").json()
        body = {key: value for key, value in before.items() if key != "duration"}
        assert admin.put(f"/robots/{robot.id}", json=body).status_code == 200
        assert admin.get(f"/robots/{robot.id}").json() | {"update_time": ""} == before | {"update_time": ""}

    @ONE
    @pytest.mark.parametrize(
        "change",
        [
            {"name": "ci"},
            {"name": "robot$other"},
            {"level": "project"},
            {"permissions": []},
            {"permissions": [entry("private", "robot:update")]},
            {"duration": -2},
            {"duration": 0},
            {"description": "x" * 1025},
        ],
    )
    def test_what_breaks_a_rule(self, admin: httpx.Client, change: dict[str, object]) -> None:
        robot = make_robot(admin, "ci", PULL)
        before = admin.get(f"/robots/{robot.id}").json()
        assert change_robot(admin, robot, **change).status_code == 400
        assert admin.get(f"/robots/{robot.id}").json() == before

    @ONE
    def test_a_projects_robot_stays_in_its_project(self, admin: httpx.Client) -> None:
        robot = make_robot(admin, "ci", PULL, level="project")
        for namespace in ("public", "*", "priv"):
            assert change_robot(admin, robot, permissions=[entry(namespace, "repository:pull")]).status_code == 400
        assert change_robot(admin, robot, permissions=[PUSH]).status_code == 200

    @ONE
    def test_a_robot_that_cannot_be_edited_can_be_deleted(self, admin: httpx.Client, ports: Ports) -> None:
        robot = make_robot(admin, "ci", PULL)
        with ports.db.write() as session:
            session.execute(sa.update(Robot).values(editable=False))
        assert code_of(change_robot(admin, robot, disable=True)) == (403, "DENIED")
        assert code_of(admin.patch(f"/robots/{robot.id}", json={})) == (403, "DENIED")
        assert admin.delete(f"/robots/{robot.id}").status_code == 200

    def test_changes_at_once_while_its_project_goes(self, caller: Caller, ports: Ports) -> None:
        for round_ in range(5):
            make_project(ports, f"short-{round_}")
            space = f"short-{round_}"
            robots = [
                make_robot(caller("admin"), f"r{round_}", entry(space, "repository:pull")),
                make_robot(caller("admin"), f"r{round_}", entry(space, "repository:pull"), level="project"),
            ]
            bodies = [caller("admin").get(f"/robots/{robot.id}").json() for robot in robots]
            answers: list[int] = []

            def change(robot: MadeRobot, body: dict[str, Any], answers: list[int] = answers) -> None:
                for action in ("push", "pull"):
                    wanted = body | {
                        "permissions": [entry(body["permissions"][0]["namespace"], f"repository:{action}")]
                    }
                    answers.append(caller("admin").put(f"/robots/{robot.id}", json=wanted).status_code)

            def remove(space: str = space, answers: list[int] = answers) -> None:
                answers.append(caller("admin").delete(f"/projects/{space}").status_code)

            threads = [threading.Thread(target=change, args=pair) for pair in zip(robots, bodies, strict=True)]
            threads.append(threading.Thread(target=remove))
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert set(answers) <= {200, 404, 409}
            assert caller("admin").get(f"/robots/{robots[1].id}").status_code == 404


class TestEnds:
    def test_delete(self, admin: httpx.Client, as_robot: AsRobot, ports: Ports) -> None:
        robot = make_robot(admin, "ci", PULL)
        assert admin.delete(f"/robots/{robot.id}").status_code == 200
        for answer in (admin.get(f"/robots/{robot.id}"), admin.delete(f"/robots/{robot.id}")):
            assert code_of(answer) == (404, "NOT_FOUND")
        assert as_robot(robot).get("/users/current").status_code == 401
        with ports.db.read() as session:
            assert session.execute(sa.select(RobotPermission)).all() == []

    def test_a_project_takes_its_robots_and_what_was_granted_in_it(
        self, admin: httpx.Client, as_robot: AsRobot, ports: Ports
    ) -> None:
        make_project(ports, "short")
        own = make_robot(admin, "own", entry("short", "repository:pull"), level="project")
        other = make_robot(admin, "other", entry("short", "repository:pull"), PULL)
        with ports.db.read() as session:
            version = session.scalar(sa.select(Robot.version).where(Robot.id == other.id))
        assert version is not None
        assert admin.delete("/projects/short").status_code == 200
        assert admin.get(f"/robots/{own.id}").status_code == 404
        assert as_robot(own).get("/users/current").status_code == 401
        (left,) = admin.get(f"/robots/{other.id}").json()["permissions"]
        assert left["namespace"] == "private"
        with ports.db.read() as session:
            assert session.scalar(sa.select(Robot.version).where(Robot.id == other.id)) == version + 1

    def test_disabled_and_back(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        robot = make_robot(admin, "ci", PULL)
        assert change_robot(admin, robot, disable=True).status_code == 200
        assert as_robot(robot).get("/users/current").status_code == 401
        assert change_robot(admin, robot, disable=False).status_code == 200
        assert as_robot(robot).get("/users/current").status_code == 412


@ONE
def test_events(ports: Ports, admin: httpx.Client) -> None:
    seen: list[object] = []

    def note(_ctx: Context, event: object) -> None:
        seen.append(event)

    for kind in (RobotCreated, RobotUpdated, RobotDeleted):
        ports.effects[kind] = (note,)  # type: ignore[index]
    robot = make_robot(admin, "ci", PULL)
    change_robot(admin, robot, description="new")
    admin.patch(f"/robots/{robot.id}", json={})
    admin.delete(f"/robots/{robot.id}")
    assert seen == [
        RobotCreated(project_id=0, robot_id=robot.id, name="robot$ci"),
        RobotUpdated(project_id=0, robot_id=robot.id, name="robot$ci", what="settings"),
        RobotUpdated(project_id=0, robot_id=robot.id, name="robot$ci", what="secret"),
        RobotDeleted(project_id=0, robot_id=robot.id, name="robot$ci"),
    ]


class TestMostPermissions:
    """A robot's permissions are read with each of its requests."""

    MOST = 10_000

    def test_there_is_a_bound(self, admin: httpx.Client, caller: Caller) -> None:
        most, one_more = (entry("private", *["repository:pull"] * number) for number in (self.MOST, self.MOST + 1))
        over = [entry("private", *["repository:pull"] * (self.MOST - 1)), entry("/", "catalog:read", "catalog:read")]
        robot = make_robot(admin, "ci", most)
        for refused in (
            admin.post("/robots", json=robot_body("other", one_more)),
            admin.post("/robots", json=robot_body("other", *over)),
            caller("master").post("/robots", json=robot_body("other", one_more, level="project")),
            change_robot(admin, robot, permissions=[one_more]),
            change_robot(admin, robot, permissions=over),
        ):
            assert refused.status_code == 400, refused.text
            assert f"permissions must be at most {self.MOST} accesses" in refused.json()["errors"][0]["message"]
        assert change_robot(admin, robot, permissions=[most, entry("public", "tag:list")][1:]).status_code == 200

    @pytest.mark.usefixtures("caller")
    def test_it_holds_in_the_old_form(self, admin: httpx.Client) -> None:
        project = admin.get("/projects/private").json()["project_id"]
        access = [{"resource": f"/project/{project}/repository", "action": "pull"}]
        refused = admin.post("/projects/private/robots", json={"name": "ci", "access": access * (self.MOST + 1)})
        assert refused.status_code == 400
        assert f"access must be at most {self.MOST} accesses" in refused.json()["errors"][0]["message"]
        made = admin.post("/projects/private/robots", json={"name": "ci", "access": access * self.MOST})
        assert made.status_code == 201

    def test_many_projects_cost_no_more_statements(self, admin: httpx.Client, ports: Ports) -> None:
        """They are looked up, granted and taken back together, while other writers wait."""
        names = [f"many-{number}" for number in range(40)]
        for name in names:
            make_project(ports, name)
        robot = make_robot(admin, "ci", PULL)
        taken: dict[int, int] = {}
        for some in (names[:2], names, names[:2]):
            entries = [entry(name, "repository:pull", "tag:list") for name in some]
            with counted_statements(ports.db) as statements:
                assert change_robot(admin, robot, permissions=entries).status_code == 200
            taken.setdefault(len(some), len(statements))
            assert len(admin.get(f"/robots/{robot.id}").json()["permissions"]) == len(some)
        assert taken[40] <= taken[2] + 1
        absent = [entry(name, "repository:pull") for name in (*names, "nowhere")]
        refused = admin.post("/robots", json=robot_body("other", *absent))
        assert (refused.status_code, "nowhere" in refused.text) == (404, True)
