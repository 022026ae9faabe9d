"""What stops a robot on ``/v2``: within five seconds, with tokens out and credentials remembered."""

import time

import httpx
import jwt
import pytest
import sqlalchemy as sa

from app.context import Ports
from app.robots.models import Robot
from tests.support.accounts import make_project
from tests.support.clock import MovableClock
from tests.support.robots import MadeRobot, change_robot, entry, granted, make_robot, may
from tests.support.tokens import ask, bearer, challenge


class TestStops:
    """What ends a robot's tokens and remembered credentials; each is seen within five seconds."""

    @staticmethod
    def _disable(admin: httpx.Client, robot: MadeRobot) -> None:
        assert change_robot(admin, robot, disable=True).status_code == 200

    @staticmethod
    def _delete(admin: httpx.Client, robot: MadeRobot) -> None:
        assert admin.delete(f"/robots/{robot.id}").status_code == 200

    @staticmethod
    def _refresh(admin: httpx.Client, robot: MadeRobot) -> None:
        assert admin.patch(f"/robots/{robot.id}", json={}).status_code == 200

    @pytest.mark.parametrize("end", ["disable", "delete", "refresh"])
    def test_within_five_seconds(
        self, client: httpx.Client, admin: httpx.Client, clock: MovableClock, end: str
    ) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:push"))
        header = bearer(client, robot, "repository:private/image:pull,push")
        for options in ({"headers": header}, {"auth": robot.credentials}):
            assert may(client, "private", **options) == {"pull", "push"}
        getattr(self, f"_{end}")(admin, robot)
        assert ask(client, robot, "repository:public/image:push").json().get("token")
        assert granted(ask(client, robot, "repository:private/image:pull")) == {"private/image": []}
        clock.forward(5)
        assert may(client, "private", auth=robot.credentials) == set()
        refused = client.get("/v2/private/image/manifests/none", headers=header)
        assert 'error="invalid_token"' in challenge(refused)

    def test_grants_taken_away(self, client: httpx.Client, admin: httpx.Client, clock: MovableClock) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:push"))
        header = bearer(client, robot, "repository:private/image:pull,push")
        assert may(client, "private", headers=header) == {"pull", "push"}
        assert change_robot(admin, robot, permissions=[entry("private", "repository:pull")]).status_code == 200
        clock.forward(5)
        assert may(client, "private", headers=header) == set()
        fresh = bearer(client, robot, "repository:private/image:pull,push")
        assert may(client, "private", headers=fresh) == may(client, "private", auth=robot.credentials) == {"pull"}

    def test_a_new_description_stops_nothing(
        self, client: httpx.Client, admin: httpx.Client, clock: MovableClock
    ) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:push"))
        header = bearer(client, robot, "repository:private/image:pull,push")
        assert change_robot(admin, robot, description="new").status_code == 200
        clock.forward(5)
        assert may(client, "private", headers=header) == {"pull", "push"}

    def test_its_project_goes(
        self, client: httpx.Client, admin: httpx.Client, ports: Ports, clock: MovableClock
    ) -> None:
        make_project(ports, "short")
        own, other = (
            make_robot(admin, "ci", entry("short", "repository:push"), level=level) for level in ("project", "system")
        )
        headers = [bearer(client, robot, "repository:short/image:pull,push") for robot in (own, other)]
        assert admin.delete("/projects/short").status_code == 200
        make_project(ports, "short")
        clock.forward(5)
        for header in headers:
            assert may(client, "short", headers=header) == set()

    def test_the_very_end(self, client: httpx.Client, admin: httpx.Client, clock: MovableClock) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:push"), duration=1)
        end = admin.get(f"/robots/{robot.id}").json()["expires_at"]
        clock.forward(end - 100 - clock.now().timestamp())
        answer = ask(client, robot, "repository:private/image:pull,push")
        header = {"Authorization": f"Bearer {answer.json()['token']}"}
        claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
        assert claims["exp"] == end
        assert 98 <= answer.json()["expires_in"] <= 100
        clock.forward(end - 1.5 - clock.now().timestamp())
        for options in ({"headers": header}, {"auth": robot.credentials}):
            assert may(client, "private", **options) == {"pull", "push"}
        clock.forward(end - clock.now().timestamp())
        for options in ({"headers": header}, {"auth": robot.credentials}):
            assert may(client, "private", **options) == set()
        assert granted(ask(client, robot, "repository:private/image:pull")) == {"private/image": []}

    def test_an_end_moved_in_the_database(
        self, client: httpx.Client, admin: httpx.Client, ports: Ports, clock: MovableClock
    ) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:push"))
        header = bearer(client, robot, "repository:private/image:pull,push")
        assert may(client, "private", headers=header) == {"pull", "push"}
        with ports.db.write() as session:
            session.execute(sa.update(Robot).values(expires_at=int(time.time())))
        clock.forward(5)
        assert may(client, "private", headers=header) == may(client, "private", auth=robot.credentials) == set()


def test_a_grace_period_cuts_nobody_off(client: httpx.Client, admin: httpx.Client, clock: MovableClock) -> None:
    robot = make_robot(admin, "ci", entry("private", "repository:push"))
    scope = "repository:private/image:pull,push"
    before = bearer(client, robot, scope)
    secret = admin.patch(f"/robots/{robot.id}", json={"grace_period": 3600}).json()["secret"]
    rotated = MadeRobot(id=robot.id, name=robot.name, secret=secret)
    clock.forward(10)
    for options in (
        {"headers": before},
        {"headers": bearer(client, robot, scope)},
        {"headers": bearer(client, rotated, scope)},
        {"auth": robot.credentials},
        {"auth": rotated.credentials},
    ):
        assert may(client, "private", **options) == {"pull", "push"}
    clock.forward(3590)
    assert may(client, "private", auth=robot.credentials) == set()
    assert may(client, "private", auth=rotated.credentials) == {"pull", "push"}
