"""Secrets of robots: told once, refreshed with or without an overlap, by others or by the robot itself."""

import httpx
import pytest
import sqlalchemy as sa

from app.audit.models import AuditLog
from app.context import Ports
from app.robots.models import Robot
from tests.integration.conftest import AsRobot
from tests.support.clock import MovableClock
from tests.support.robots import MadeRobot, entry, make_robot

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PULL = entry("private", "repository:pull")
DAY = 86_400


def test_a_secret_is_told_once_and_kept_as_a_hash(admin: httpx.Client, ports: Ports) -> None:
    robot = make_robot(admin, "ci", PULL)
    refreshed = admin.patch(f"/robots/{robot.id}", json={"secret": ""}).json()["secret"]
    assert admin.patch(f"/robots/{robot.id}", json={"secret": "Chosen12345"}).json() == {}
    for path in (f"/robots/{robot.id}", "/robots"):
        assert "secret" not in admin.get(path).text
    with ports.db.read() as session:
        stored = repr(session.execute(sa.select(sa.inspect(Robot).local_table)).all())
        stored += repr(session.execute(sa.select(AuditLog.__table__)).all())
    assert not [each for each in (robot.secret, refreshed, "Chosen12345") if each in stored]


@ONE
@pytest.mark.parametrize("secret", ["short1A", "alllower1234", "ALLUPPER1234", "NoDigitsHere", "Aa1" * 43])
def test_an_own_secret_follows_the_rules_of_passwords(admin: httpx.Client, secret: str) -> None:
    robot = make_robot(admin, "ci", PULL)
    refused = admin.patch(f"/robots/{robot.id}", json={"secret": secret})
    assert refused.status_code == 400
    assert "secret must be" in refused.text


def test_the_new_one_is_good_and_the_old_one_is_not(admin: httpx.Client, as_robot: AsRobot) -> None:
    robot = make_robot(admin, "ci", entry("/", "catalog:read"))
    secret = admin.patch(f"/robots/{robot.id}", json={}).json()["secret"]
    assert as_robot(robot).get("/users/current").status_code == 401
    assert as_robot(MadeRobot(id=robot.id, name=robot.name, secret=secret)).get("/users/current").status_code == 412


@ONE
@pytest.mark.parametrize("grace", [-1, 30 * DAY + 1, "soon"])
def test_a_grace_period_has_bounds(admin: httpx.Client, grace: object) -> None:
    robot = make_robot(admin, "ci", PULL)
    assert admin.patch(f"/robots/{robot.id}", json={"grace_period": grace}).status_code in (400, 422)
    assert admin.patch(f"/robots/{robot.id}?grace_period={grace}", json={}).status_code in (400, 422)


@pytest.mark.parametrize("place", ["body", "query"])
def test_the_old_secret_is_good_within_the_grace_period(
    admin: httpx.Client, as_robot: AsRobot, clock: MovableClock, place: str
) -> None:
    robot = make_robot(admin, "ci", PULL)
    query, body = ("?grace_period=600", {}) if place == "query" else ("", {"grace_period": 600})
    secret = admin.patch(f"/robots/{robot.id}{query}", json=body).json()["secret"]
    old, new = as_robot(robot), as_robot(MadeRobot(id=robot.id, name=robot.name, secret=secret))
    for client in (old, new):
        assert client.get("/users/current").status_code == 412
    clock.forward(598)
    assert old.get("/users/current").status_code == 412
    clock.forward(2.1)
    assert (old.get("/users/current").status_code, new.get("/users/current").status_code) == (401, 412)


def test_a_robot_rotates_its_own(admin: httpx.Client, as_robot: AsRobot) -> None:
    robot, other = (make_robot(admin, name, PULL) for name in ("ci", "other"))
    itself = as_robot(robot)
    assert itself.patch(f"/robots/{other.id}", json={}).status_code == 403
    secret = itself.patch(f"/robots/{robot.id}", json={"grace_period": 60}).json()["secret"]
    assert itself.get("/users/current").status_code == 412
    rotated = MadeRobot(id=robot.id, name=robot.name, secret=secret)
    assert as_robot(rotated).patch(f"/robots/{robot.id}", json={"secret": "Another12345"}).json() == {}


def test_guessing_is_delayed(admin: httpx.Client, as_robot: AsRobot) -> None:
    robot = make_robot(admin, "ci", PULL)
    wrong = as_robot(MadeRobot(id=robot.id, name=robot.name, secret="Wrong12345"))
    for _ in range(5):
        assert wrong.get("/users/current").status_code == 401
    assert wrong.get("/users/current").status_code == 429
    assert as_robot(robot).get("/users/current").status_code == 412


@pytest.mark.parametrize("chosen", ["", "Chosen12345"])
def test_clients_with_the_secret_before_do_not_lock_out_those_with_the_new_one(
    admin: httpx.Client, as_robot: AsRobot, chosen: str
) -> None:
    robot = make_robot(admin, "ci", PULL)
    secret = admin.patch(f"/robots/{robot.id}", json={"secret": chosen}).json().get("secret", chosen)
    rotated = as_robot(MadeRobot(id=robot.id, name=robot.name, secret=secret))
    stale = as_robot(robot)
    assert {stale.get("/users/current").status_code for _ in range(8)} == {401}
    assert (
        as_robot(MadeRobot(id=robot.id, name=robot.name, secret="Wrong12345")).get("/users/current").status_code == 429
    )
    assert rotated.get("/users/current").status_code == 412
