"""Nobody grants more than they hold: robots with rights over people, members, groups and robots try to get more."""

import time
from typing import Any

import httpx
import pytest

from app.access.roles import Role
from app.context import Ports
from tests.integration.conftest import AsRobot, Caller
from tests.support.clock import MovableClock
from tests.support.members import MEMBERS, make_group, refusal
from tests.support.people import People
from tests.support.robots import MadeRobot, entry, make_robot, rights_of, robot_body

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PULL = entry("private", "repository:pull")
DENIED = (403, "DENIED")
DAY = 86_400


def with_secret(robot: MadeRobot, answer: httpx.Response) -> MadeRobot:
    assert answer.status_code == 200, answer.text
    return MadeRobot(id=robot.id, name=robot.name, secret=answer.json()["secret"])


class TestAccounts:
    """A robot that may create, change and delete users."""

    @pytest.fixture
    def keeper(self, admin: httpx.Client, as_robot: AsRobot) -> httpx.Client:
        rights = [f"user:{action}" for action in ("create", "read", "update", "list", "delete")]
        return as_robot(make_robot(admin, "keeper", entry("/", *rights)))

    def test_makes_nobody_an_administrator(self, keeper: httpx.Client, people: People) -> None:
        for name in ("stranger", "admin"):
            for flag in (True, False):
                path = f"/users/{people[name].id}/sysadmin"
                assert refusal(keeper.put(path, json={"sysadmin_flag": flag})) == DENIED

    def test_leaves_administrators_alone(self, admin: httpx.Client, keeper: httpx.Client, people: People) -> None:
        second = people["stranger"].id
        assert admin.put(f"/users/{second}/sysadmin", json={"sysadmin_flag": True}).status_code == 200
        before = admin.get(f"/users/{second}").json()
        for user in (second, people["admin"].id):
            profile = {"email": "mine@example.test", "realname": "x", "comment": ""}
            assert refusal(keeper.put(f"/users/{user}", json=profile)) == DENIED
            assert refusal(keeper.put(f"/users/{user}/password", json={"new_password": "Taken12345"})) == DENIED
        assert refusal(keeper.delete(f"/users/{second}")) == DENIED
        assert keeper.delete(f"/users/{people['admin'].id}").status_code == 403
        assert admin.get(f"/users/{second}").json() == before
        assert admin.get("/users/current").status_code == 200

    def test_keeps_ordinary_accounts(self, keeper: httpx.Client, people: People) -> None:
        user = people["stranger"].id
        profile = {"email": "new@example.test", "realname": "x", "comment": ""}
        assert keeper.put(f"/users/{user}", json=profile).status_code == 200
        assert keeper.put(f"/users/{user}/password", json={"new_password": "Given12345"}).status_code == 200
        assert keeper.delete(f"/users/{user}").status_code == 200

    @pytest.mark.parametrize("name", ["master", "maintainer", "developer", "guest", "limited", "through a group"])
    def test_takes_over_nobody_who_holds_more(
        self, caller: Caller, keeper: httpx.Client, as_robot: AsRobot, people: People, ports: Ports, name: str
    ) -> None:
        admin = caller("admin")
        person = people["stranger"] if name == "through a group" else people[name]
        if name == "through a group":
            group = make_group(ports, "few", person.id)
            body = {"role_id": Role.DEVELOPER, "member_group": {"id": group}}
            assert admin.post(MEMBERS, json=body).status_code == 201
        profile = admin.get(f"/users/{person.id}").json() | {"realname": "x"}
        password = {"new_password": "Taken12345"}
        assert keeper.put(f"/users/{person.id}", json=profile).status_code == 200
        for body in (profile | {"email": "mine@example.test"}, profile | {"email": "MINE2@example.test"}):
            assert refusal(keeper.put(f"/users/{person.id}", json=body)) == DENIED
        assert refusal(keeper.put(f"/users/{person.id}/password", json=password)) == DENIED
        assert admin.get(f"/users/{person.id}").json()["email"] == profile["email"]
        assert caller(person.name).get("/users/current").status_code == 200
        role = {"through a group": Role.DEVELOPER, "limited": Role.LIMITED_GUEST, "master": Role.PROJECT_ADMIN}
        held = rights_of(role.get(name) or Role[name.upper()])
        updating = entry("/", "user:update")
        almost = [entry("private", *held[:-1]), entry("public", *held)]
        assert (
            refusal(
                as_robot(make_robot(admin, "almost", updating, *almost)).put(
                    f"/users/{person.id}/password", json=password
                )
            )
            == DENIED
        )
        equal = as_robot(make_robot(admin, "equal", updating, entry("*", *held)))
        assert equal.put(f"/users/{person.id}/password", json=password).status_code == 200

    def test_what_a_body_says_beside_its_fields_counts_for_nothing(
        self, admin: httpx.Client, keeper: httpx.Client
    ) -> None:
        body = {"username": "new", "password": "Given12345", "email": "new@example.test", "realname": "New"}
        more: dict[str, Any] = {"sysadmin_flag": True, "admin_role_in_auth": True, "sysadmin": True, "user_id": 1}
        made = keeper.post("/users", json=body | more)
        assert made.status_code == 201
        path = made.headers["Location"].removeprefix("/api/v2.0")
        assert keeper.put(path, json={"email": "new@example.test", "version": 99, "password": "X"} | more).is_success
        shown = admin.get(path).json()
        assert (shown["username"], shown["sysadmin_flag"], shown["admin_role_in_auth"]) == ("new", False, False)


class TestGroups:
    """A robot that may rename groups."""

    def test_another_name_for_a_group_hands_its_roles_on(
        self, admin: httpx.Client, as_robot: AsRobot, ports: Ports
    ) -> None:
        group, other = make_group(ports, "few"), make_group(ports, "roleless")
        body = {"role_id": Role.DEVELOPER, "member_group": {"id": group}}
        assert admin.post(MEMBERS, json=body).status_code == 201
        renaming = entry("/", "user-group:update")
        less = as_robot(make_robot(admin, "less", renaming))
        assert refusal(less.put(f"/usergroups/{group}", json={"group_name": "everybody"})) == DENIED
        assert admin.get(f"/usergroups/{group}").json()["group_name"] == "few"
        assert less.put(f"/usergroups/{other}", json={"group_name": "another"}).status_code == 200
        equal = as_robot(make_robot(admin, "equal", renaming, entry("private", *rights_of(Role.DEVELOPER))))
        assert equal.put(f"/usergroups/{group}", json={"group_name": "everybody"}).status_code == 200


class TestRobots:
    """A robot that may make robots."""

    MAKER = entry("/", "robot:create", "robot:read")

    def test_none_lasts_longer_than_its_maker(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        made = make_robot(admin, "maker", self.MAKER, PULL, duration=10)
        maker = as_robot(made)
        ends = maker.get(f"/robots/{made.id}").json()["expires_at"]
        for duration in (-1, 11, 2**31 - 2):
            body = robot_body("longer", PULL) | {"duration": duration}
            assert refusal(maker.post("/robots", json=body)) == DENIED
        shorter = maker.post("/robots", json=robot_body("shorter", PULL) | {"duration": 9}).json()
        assert shorter["expires_at"] < ends

    def test_nor_by_the_form_of_older_clients(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        held = entry("private", "robot:create", "robot:read", "repository:pull")
        maker = as_robot(make_robot(admin, "maker", held, level="project", duration=10))
        project = admin.get("/projects/private").json()["project_id"]
        access = [{"resource": f"/project/{project}/repository", "action": "pull"}]
        for ends in (-1, int(time.time()) + 11 * DAY):
            body = {"name": "longer", "access": access, "expires_at": ends}
            assert refusal(maker.post("/projects/private/robots", json=body)) == DENIED
        body = {"name": "shorter", "access": access, "expires_at": int(time.time()) + 9 * DAY}
        assert maker.post("/projects/private/robots", json=body).status_code == 201

    def test_one_without_end_makes_others_without_end(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        maker = as_robot(make_robot(admin, "maker", self.MAKER, PULL))
        assert maker.post("/robots", json=robot_body("child", PULL)).json()["expires_at"] == -1

    def test_what_a_body_says_beside_its_fields_counts_for_nothing(self, admin: httpx.Client) -> None:
        more = {"id": 1, "secret": "Mine12345", "editable": False, "creator_ref": 7, "expires_at": 1, "version": 9}
        made = admin.post("/robots", json=robot_body("ci", PULL) | more).json()
        assert made["secret"] != "Mine12345"
        shown = admin.get(f"/robots/{made['id']}").json()
        assert admin.put(f"/robots/{made['id']}", json=shown | more | {"project_id": 1}).status_code == 200
        again = admin.get(f"/robots/{made['id']}").json()
        assert again | {"update_time": ""} == shown | {"update_time": ""}


class TestSecrets:
    """Whoever has a robot's old secret wants to keep it alive."""

    def test_the_old_one_rotates_nothing(self, admin: httpx.Client, as_robot: AsRobot, clock: MovableClock) -> None:
        robot = make_robot(admin, "ci", PULL)
        old = as_robot(robot)
        assert old.get("/users/current").status_code == 412
        current = with_secret(robot, admin.patch(f"/robots/{robot.id}", json={"grace_period": 600}))
        for _ in range(2):
            for body in ({}, {"grace_period": 600}, {"secret": "Another12345"}):
                assert refusal(old.patch(f"/robots/{robot.id}", json=body)) == DENIED
            clock.forward(10)
        renewed = with_secret(robot, as_robot(current).patch(f"/robots/{robot.id}", json={"grace_period": 600}))
        assert old.get("/users/current").status_code == 401
        assert [as_robot(each).get("/users/current").status_code for each in (current, renewed)] == [412, 412]

    def test_one_remembered_after_it_ended_rotates_nothing(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        robot = make_robot(admin, "ci", PULL)
        leaked = as_robot(robot)
        assert leaked.get("/users/current").status_code == 412
        assert admin.patch(f"/robots/{robot.id}", json={}).status_code == 200
        assert leaked.patch(f"/robots/{robot.id}", json={}).status_code in (401, 403)

    def test_a_disabled_or_ended_one_rotates_nothing(
        self, admin: httpx.Client, as_robot: AsRobot, clock: MovableClock
    ) -> None:
        disabled, ended = make_robot(admin, "disabled", PULL), make_robot(admin, "ended", PULL, duration=1)
        for robot in (disabled, ended):
            assert as_robot(robot).get("/users/current").status_code == 412
        body = admin.get(f"/robots/{disabled.id}").json() | {"disable": True}
        assert admin.put(f"/robots/{disabled.id}", json=body).status_code == 200
        assert as_robot(disabled).patch(f"/robots/{disabled.id}", json={}).status_code in (401, 403)
        clock.forward(DAY)
        for robot in (disabled, ended):
            assert as_robot(robot).patch(f"/robots/{robot.id}", json={}).status_code == 401

    def test_each_rotation_keeps_only_the_last_one_alive(
        self, caller: Caller, as_robot: AsRobot, clock: MovableClock
    ) -> None:
        robots = [make_robot(caller("admin"), "ci", PULL)]
        for _ in range(3):
            answer = caller("admin").patch(f"/robots/{robots[0].id}", json={"grace_period": 600})
            robots.append(with_secret(robots[0], answer))
        clock.forward(5.1)
        answers = [as_robot(robot).get("/users/current").status_code for robot in robots]
        assert answers == [401, 401, 412, 412]
        assert caller("admin").patch(f"/robots/{robots[0].id}", json={"secret": "Another12345"}).status_code == 200
        clock.forward(5.1)
        assert {as_robot(robot).get("/users/current").status_code for robot in robots} == {401}
