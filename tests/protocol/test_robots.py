"""Robots on ``/v2``: they do what they were granted and nothing else."""

from collections.abc import Callable

import httpx
import pytest

from app.context import Ports
from tests.support.accounts import make_project
from tests.support.clock import MovableClock
from tests.support.configuration import configure
from tests.support.manifests import push_image
from tests.support.people import People
from tests.support.queries import counted_statements
from tests.support.robots import entry, granted, make_robot, may
from tests.support.tokens import SERVICE, ask, bearer

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
GRANTS = [
    ("pull", {"pull"}),
    ("push", {"pull", "push"}),
    ("delete", {"delete"}),
    ("list", set()),
]


class TestWhatWasGranted:
    @pytest.mark.parametrize("level", ["system", "project"])
    @pytest.mark.parametrize(("right", "allowed"), GRANTS)
    def test_in_one_project(
        self, client: httpx.Client, admin: httpx.Client, ports: Ports, level: str, right: str, allowed: set[str]
    ) -> None:
        make_project(ports, "other")
        robot = make_robot(admin, "ci", entry("private", f"repository:{right}"), level=level)
        for project, expected in (("private", allowed), ("other", set()), ("public", {"pull"}), ("missing", set())):
            header = bearer(client, robot, f"repository:{project}/image:pull,push,delete")
            assert may(client, project, auth=robot.credentials) == expected
            assert may(client, project, headers=header) == expected

    def test_in_every_project(self, client: httpx.Client, admin: httpx.Client, ports: Ports) -> None:
        robot = make_robot(admin, "ci", entry("*", "repository:push"))
        make_project(ports, "later")
        scopes = [f"repository:{project}/image:pull,push" for project in ("private", "later", "missing")]
        both = ["pull", "push"]
        assert granted(ask(client, robot, *scopes)) == {
            "private/image": both,
            "later/image": both,
            "missing/image": [],
        }
        for options in ({"auth": robot.credentials}, {"headers": bearer(client, robot, *scopes)}):
            assert may(client, "later", **options) == {"pull", "push"}
            assert may(client, "missing", **options) == set()

    def test_an_image_goes_up_and_down(self, client: httpx.Client, admin: httpx.Client) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:push"), level="project")
        client.auth = httpx.BasicAuth(*robot.credentials)
        push_image(client, "private/app", "1")
        client.auth = httpx.Auth()
        header = bearer(client, robot, "repository:private/app:pull")
        assert client.get("/v2/private/app/manifests/1", headers=header).status_code == 200

    def test_catalog(self, client: httpx.Client, admin: httpx.Client) -> None:
        lists = make_robot(admin, "lists", entry("/", "catalog:read"))
        plain = make_robot(admin, "plain", entry("*", "repository:pull", "repository:list"))
        for robot, status in ((lists, 200), (plain, 401)):
            header = bearer(client, robot, "registry:catalog:*")
            assert client.get("/v2/_catalog", auth=robot.credentials).status_code == status
            assert client.get("/v2/_catalog", headers=header).status_code == status
        assert client.get("/v2/_catalog", headers=bearer(client, lists)).status_code == 401

    def test_login(self, client: httpx.Client, admin: httpx.Client) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:pull"))
        answer = ask(client, robot, account=robot.name, client_id="docker", offline_token="true")
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()
        form = {"service": SERVICE, "grant_type": "password", "access_type": "offline"}
        posted = client.post("/service/token", data={**form, "username": robot.name, "password": robot.secret})
        assert posted.status_code == 200
        assert "refresh_token" not in posted.json()
        assert client.get("/v2/", auth=robot.credentials).status_code == 200
        assert client.get("/v2/", headers=bearer(client, robot)).status_code == 200

    @ONE
    @pytest.mark.parametrize("name", ["ci", "robot$", "robot$other", "robot$CI", "Robot$ci", "robot$robot$ci"])
    def test_another_name_with_the_secret(self, client: httpx.Client, admin: httpx.Client, name: str) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:pull"))
        assert client.get("/v2/", auth=(name, robot.secret)).status_code == 401

    @ONE
    def test_tokens_of_robots_and_people_with_one_id_are_told_apart(
        self, client: httpx.Client, admin: httpx.Client, people: People
    ) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:pull"))
        assert robot.id == people["admin"].id
        client.get("/v2/", auth=people["admin"].credentials)
        header = bearer(client, robot, "repository:private/image:pull,push", "registry:catalog:*")
        assert may(client, "private", headers=header) == {"pull"}
        assert client.get("/v2/_catalog", headers=header).status_code == 401


class TestPrefix:
    def test_is_a_setting_that_holds_within_five_seconds(
        self, client: httpx.Client, admin: httpx.Client, clock: MovableClock
    ) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:push"))
        assert may(client, "private", auth=robot.credentials) == {"pull", "push"}
        configure(admin, robot_name_prefix="bot-")
        clock.forward(5)
        assert may(client, "private", auth=robot.credentials) == set()
        assert may(client, "private", auth=("bot-ci", robot.secret)) == {"pull", "push"}
        assert admin.get(f"/robots/{robot.id}").json()["name"] == "bot-ci"

    @ONE
    @pytest.mark.parametrize("name", ["robot_ci", "bot-ci"])
    def test_a_person_with_such_a_name(
        self, client: httpx.Client, admin: httpx.Client, clock: MovableClock, name: str
    ) -> None:
        body = {"username": name, "email": "a@example.test", "realname": "a", "password": "Harbor12345"}
        assert admin.post("/users", json=body).status_code == 201
        configure(admin, robot_name_prefix="bot-")
        clock.forward(5)
        robot = make_robot(admin, "ci", entry("private", "repository:push"))
        assert client.get("/v2/", auth=(name, "Harbor12345")).status_code == 200
        assert client.get("/v2/", auth=("bot-ci", robot.secret)).status_code == 200


@ONE
class TestPinnedPrefix:
    """With a prefix that needs no quotes in a shell."""

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_ROBOT_NAME_PREFIX": "robot-"}

    def test_robots_log_in_with_it(self, client: httpx.Client, admin: httpx.Client) -> None:
        robot = make_robot(admin, "ci", entry("private", "repository:push"), level="project")
        assert robot.name == "robot-private+ci"
        assert may(client, "private", auth=robot.credentials) == {"pull", "push"}


@ONE
def test_a_token_costs_no_statement_and_a_secret_one(client: httpx.Client, admin: httpx.Client, ports: Ports) -> None:
    """A secret may have been replaced in another process; what a token says is asked again every five seconds."""
    robot = make_robot(admin, "ci", entry("private", "repository:pull"))
    header = bearer(client, robot)
    calls: list[Callable[[], httpx.Response]] = [
        lambda: client.get("/v2/", headers=header),
        lambda: client.get("/v2/", auth=robot.credentials),
    ]
    for call in calls:
        call()
    counts = []
    for call in calls:
        with counted_statements(ports.db) as sent:
            assert call().status_code == 200
        counts.append(len(sent))
    assert counts == [0, 1]
