"""A password, an account or a robot's secret that has ended is refused at once, in every process of a real server."""

from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.identity.service import UserService
from tests.support.accounts import PASSWORD
from tests.support.people import People
from tests.support.robots import MadeRobot, entry, make_robot
from tests.support.server import LiveServer
from tests.support.serving import RoutedTransport

_EACH = 12
"""Connections of their own, which two processes share."""
NEW = "Another12345"
Credentials = tuple[str, str]
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""What each process forgets is not the database's doing; test_authentication and test_robot_ends ask both databases."""


def asked(server: LiveServer, credentials: Credentials, path: str = "/v2/") -> Counter[int]:
    """The answers to as many connections."""
    return Counter(httpx.get(server.url + path, auth=credentials, timeout=30).status_code for _ in range(_EACH))


def known_everywhere(server: LiveServer, credentials: Credentials) -> None:
    assert asked(server, credentials) == {200: _EACH}


def refused_everywhere(server: LiveServer, credentials: Credentials) -> None:
    """By 401, or 429 after some failures; nothing is told either way to the API's readers."""
    assert asked(server, credentials).keys() <= {401, 429}
    assert asked(server, credentials, "/api/v2.0/users/current").keys() <= {401, 429}
    assert asked(server, credentials, "/api/v2.0/projects/private").keys() <= {401, 429}
    assert (
        "token"
        not in httpx.get(server.url + "/service/token", params={"service": "harbor-registry"}, auth=credentials).json()
    )


@pytest.fixture
def transport(live_server: LiveServer) -> httpx.BaseTransport:
    """The administrator asks one of the server's processes."""
    return RoutedTransport(live_server.port)


class TestPeople:
    def test_an_old_password(self, live_server: LiveServer, people: People) -> None:
        person = people["developer"]
        known_everywhere(live_server, person.credentials)
        body = {"old_password": PASSWORD, "new_password": NEW}
        path = f"{live_server.url}/api/v2.0/users/{person.id}/password"
        assert httpx.put(path, json=body, auth=person.credentials, timeout=30).status_code == 200
        refused_everywhere(live_server, person.credentials)

    @SQLITE
    def test_one_that_an_administrator_replaced(
        self, live_server: LiveServer, people: People, admin: httpx.Client
    ) -> None:
        person = people["developer"]
        known_everywhere(live_server, person.credentials)
        assert admin.put(f"/users/{person.id}/password", json={"new_password": NEW}).status_code == 200
        known_everywhere(live_server, (person.name, NEW))
        refused_everywhere(live_server, person.credentials)

    @SQLITE
    @pytest.mark.parametrize("end", ["disabled", "deleted"])
    def test_an_account_that_has_ended(self, live_server: LiveServer, people: People, ports: Ports, end: str) -> None:
        person, users = people["developer"], UserService(Context(ports, SYSTEM))
        known_everywhere(live_server, person.credentials)
        if end == "disabled":
            users.disable(person.id)
        else:
            users.delete(person.id)
        refused_everywhere(live_server, person.credentials)


@SQLITE
class TestRobots:
    @pytest.fixture
    def robot(self, live_server: LiveServer, admin: httpx.Client) -> MadeRobot:
        made = make_robot(admin, "ci", entry("private", "repository:pull", "project:read"))
        known_everywhere(live_server, made.credentials)
        return made

    @pytest.mark.parametrize(
        "end",
        [
            lambda admin, robot: admin.patch(f"/robots/{robot.id}", json={}),
            lambda admin, robot: admin.delete(f"/robots/{robot.id}"),
            lambda admin, robot: admin.put(
                f"/robots/{robot.id}", json=admin.get(f"/robots/{robot.id}").json() | {"disable": True}
            ),
        ],
        ids=["secret", "deleted", "disabled"],
    )
    def test_what_has_ended(
        self,
        live_server: LiveServer,
        admin: httpx.Client,
        robot: MadeRobot,
        end: Callable[[httpx.Client, MadeRobot], httpx.Response],
    ) -> None:
        assert end(admin, robot).status_code == 200
        refused_everywhere(live_server, robot.credentials)

    def test_the_secret_before_the_last_but_one(
        self, live_server: LiveServer, admin: httpx.Client, robot: MadeRobot
    ) -> None:
        for _ in range(2):
            assert admin.patch(f"/robots/{robot.id}", json={"grace_period": 600}).status_code == 200
        refused_everywhere(live_server, robot.credentials)
