"""Robots that give roles: what they hold themselves, and what whoever made them may give at this moment."""

import httpx
import pytest

from app.access.principals import SYSTEM
from app.access.roles import Role
from app.context import Context, Ports
from app.identity.service import UserService
from tests.integration.conftest import AsRobot, Caller
from tests.support.clock import MovableClock
from tests.support.members import MEMBERS, refusal
from tests.support.people import People
from tests.support.robots import entry, make_robot, rights_of, robot_body

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PULL = entry("private", "repository:pull")
MEMBER = ("member:create", "member:read", "member:update", "member:list", "member:delete")
DENIED = (403, "DENIED")
DAY = 86_400


class TestRoles:
    """A robot that may give roles: it needs no more than that right while whoever made it may give them."""

    ROLES = pytest.mark.parametrize("role", [role for role in Role if role])
    LEAST = (*MEMBER, "repository:pull")

    def tries(self, admin: httpx.Client, robot: httpx.Client, people: People, role: Role) -> set[int]:
        """The answers to a new member and to another role for one; what succeeded is taken back."""
        (guest,) = admin.get(f"{MEMBERS}?entityname=guest").json()
        body = {"role_id": role, "member_user": {"user_id": people["stranger"].id}}
        added = robot.post(MEMBERS, json=body)
        changed = robot.put(f"{MEMBERS}/{guest['id']}", json={"role_id": role})
        if added.status_code == 201:
            assert admin.delete(added.headers["Location"].removeprefix("/api/v2.0")).status_code == 200
        assert admin.put(f"{MEMBERS}/{guest['id']}", json={"role_id": Role.GUEST}).status_code == 200
        assert len(admin.get(MEMBERS).json()) == 6
        return {added.status_code, changed.status_code}

    @ROLES
    def test_its_maker_vouches(self, caller: Caller, as_robot: AsRobot, people: People, role: Role) -> None:
        admin, least = caller("admin"), entry("private", *self.LEAST)
        robots = [
            make_robot(admin, "system", least),
            make_robot(admin, "everywhere", entry("*", *self.LEAST)),
            make_robot(admin, "inside", least, level="project"),
            make_robot(caller("master"), "own", least, level="project"),
        ]
        for robot in robots:
            assert self.tries(admin, as_robot(robot), people, role) == {201, 200}

    def test_giving_is_what_it_needs_a_right_for(self, admin: httpx.Client, as_robot: AsRobot, people: People) -> None:
        for number, rights in enumerate(([], ["member:create"], ["member:update"])):
            robot = as_robot(make_robot(admin, f"some{number}", entry("private", "repository:pull", *rights)))
            answers = self.tries(admin, robot, people, Role.GUEST)
            assert answers == {201 if "member:create" in rights else 403, 200 if "member:update" in rights else 403}

    @ROLES
    @pytest.mark.parametrize("end", ["removed", "maintainer", "disabled", "deleted"])
    def test_whoever_may_not_give_a_role_any_more_does_not_vouch(
        self, caller: Caller, as_robot: AsRobot, people: People, ports: Ports, role: Role, end: str
    ) -> None:
        admin, master = caller("admin"), caller("master")
        held = {
            "least": self.LEAST,
            "almost": {*MEMBER, *rights_of(role)[:-1]},
            "equal": {*MEMBER, *rights_of(role)},
        }
        robots = {
            name: as_robot(make_robot(master, name, entry("private", *rights), level="project"))
            for name, rights in held.items()
        }
        self._end(admin, people, ports, end)
        for name, robot in robots.items():
            body = {"role_id": role, "member_user": {"user_id": people["stranger"].id}}
            answer = robot.post(MEMBERS, json=body)
            if name == "equal" or (name == "almost" and rights_of(role)[-1] in MEMBER):
                assert answer.status_code == 201
                assert admin.delete(answer.headers["Location"].removeprefix("/api/v2.0")).status_code == 200
            else:
                assert refusal(answer) == DENIED

    def _end(self, admin: httpx.Client, people: People, ports: Ports, end: str) -> None:
        master = people["master"]
        (member,) = admin.get(f"{MEMBERS}?entityname=master").json()
        match end:
            case "removed":
                assert admin.delete(f"{MEMBERS}/{member['id']}").status_code == 200
            case "maintainer":
                body = {"role_id": Role.MAINTAINER}
                assert admin.put(f"{MEMBERS}/{member['id']}", json=body).status_code == 200
            case "disabled":
                UserService(Context(ports, SYSTEM)).disable(master.id)
            case _:
                assert admin.delete(f"/users/{master.id}").status_code == 200

    @ROLES
    def test_nobody_comes_back_to_a_role_through_the_robot_they_made(
        self, caller: Caller, as_robot: AsRobot, people: People, role: Role
    ) -> None:
        admin = caller("admin")
        robot = as_robot(make_robot(caller("master"), "own", entry("private", *self.LEAST), level="project"))
        (master,) = admin.get(f"{MEMBERS}?entityname=master").json()
        assert admin.put(f"{MEMBERS}/{master['id']}", json={"role_id": Role.LIMITED_GUEST}).status_code == 200
        assert refusal(robot.put(f"{MEMBERS}/{master['id']}", json={"role_id": role})) == DENIED
        assert admin.delete(f"{MEMBERS}/{master['id']}").status_code == 200
        body = {"role_id": role, "member_user": {"user_id": people["master"].id}}
        assert refusal(robot.post(MEMBERS, json=body)) == DENIED
        assert admin.get(f"{MEMBERS}?entityname=master").json() == []

    def test_who_administered_the_system_vouches_where_it_still_administers(
        self, caller: Caller, as_robot: AsRobot, people: People
    ) -> None:
        admin, flag = caller("admin"), f"/users/{people['stranger'].id}/sysadmin"
        assert admin.put(flag, json={"sysadmin_flag": True}).status_code == 200
        robot = as_robot(make_robot(caller("stranger"), "keeper", entry("*", *self.LEAST)))
        assert admin.put(flag, json={"sysadmin_flag": False}).status_code == 200
        body = {"role_id": Role.GUEST, "member_group": {"group_name": "few", "group_type": 2}}
        assert refusal(robot.post(MEMBERS, json=body)) == DENIED
        mine = {"role_id": Role.PROJECT_ADMIN, "member_user": {"user_id": people["stranger"].id}}
        assert admin.post(MEMBERS, json=mine).status_code == 201
        assert robot.post(MEMBERS, json=body).status_code == 201
        assert refusal(robot.post("/projects/public/members", json=body)) == DENIED

    @pytest.mark.parametrize("end", ["nothing", "deleted", "disabled", "regranted"])
    def test_a_robot_vouches_with_its_own_maker(
        self, admin: httpx.Client, as_robot: AsRobot, people: People, end: str
    ) -> None:
        makes = entry("/", "robot:create")
        first = make_robot(admin, "first", makes, entry("private", *self.LEAST))
        second = make_robot(as_robot(first), "second", makes, entry("private", *self.LEAST))
        third = as_robot(make_robot(as_robot(second), "third", entry("private", *self.LEAST)))
        assert self.tries(admin, third, people, Role.MAINTAINER) == {201, 200}
        shown = admin.get(f"/robots/{first.id}").json()
        match end:
            case "deleted":
                assert admin.delete(f"/robots/{first.id}").status_code == 200
            case "disabled":
                assert admin.put(f"/robots/{first.id}", json=shown | {"disable": True}).status_code == 200
            case "regranted":
                less = {"permissions": [makes, entry("private", "repository:pull")]}
                assert admin.put(f"/robots/{first.id}", json=shown | less).status_code == 200
            case _:
                assert end == "nothing"
        expected = {201, 200} if end == "nothing" else {403}
        assert self.tries(admin, third, people, Role.MAINTAINER) == expected

    def test_an_ended_robot_vouches_for_nothing(
        self, admin: httpx.Client, as_robot: AsRobot, people: People, clock: MovableClock
    ) -> None:
        makes = entry("/", "robot:create")
        first = make_robot(admin, "first", makes, entry("private", *self.LEAST), duration=10)
        child = make_robot(as_robot(first), "child", entry("private", *self.LEAST), duration=9)
        body = admin.get(f"/robots/{child.id}").json() | {"duration": 20}
        assert admin.put(f"/robots/{child.id}", json=body).status_code == 200
        clock.forward(9 * DAY)
        assert self.tries(admin, as_robot(child), people, Role.GUEST) == {201, 200}
        clock.forward(2 * DAY)
        assert self.tries(admin, as_robot(child), people, Role.GUEST) == {403}

    def test_a_robot_that_may_not_give_roles_makes_none_that_may(self, admin: httpx.Client, as_robot: AsRobot) -> None:
        maker = as_robot(make_robot(admin, "maker", entry("/", "robot:create"), PULL))
        assert refusal(maker.post("/robots", json=robot_body("child", entry("private", *MEMBER)))) == DENIED

    def test_what_everybody_may_on_a_public_project_is_not_its_own(
        self, caller: Caller, as_robot: AsRobot, people: People, ports: Ports
    ) -> None:
        keeper = as_robot(make_robot(caller("master"), "keeper", entry("public", *MEMBER), level="project"))
        UserService(Context(ports, SYSTEM)).disable(people["master"].id)
        body = {"role_id": Role.LIMITED_GUEST, "member_user": {"user_id": people["stranger"].id}}
        assert refusal(keeper.post("/projects/public/members", json=body)) == DENIED
