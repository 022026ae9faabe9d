"""What a real server writes to its log while people and robots prove themselves in every way there is: no secret."""

import base64

import httpx
import pytest
import sqlalchemy as sa

from app.context import Ports
from app.web.csrf import HEADER
from tests.support.accounts import PASSWORD
from tests.support.people import People
from tests.support.robots import entry, make_robot
from tests.support.server import LiveServer

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
WRONG, NEW, ROBOTS = "Wrong12345", "Newer12345", "Chosen12345"


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """A log with everything in it, and identity tokens."""
    return environment | {
        "HARBOR_LOG_LEVEL": "debug",
        "HARBOR_LOG_FORMAT": "console",
        "HARBOR_IDENTITY_TOKENS": "true",
    }


def test_none_is_written(people: People, ports: Ports, live_server: LiveServer) -> None:
    name, secrets = people["master"].name, [PASSWORD, WRONG, NEW, ROBOTS]
    with httpx.Client(base_url=f"{live_server.url}/api/v2.0", auth=people["admin"].credentials) as admin:
        robot = make_robot(admin, "ci", entry("private", "repository:pull"))
        refreshed = admin.patch(f"/robots/{robot.id}", json={"grace_period": 60}).json()["secret"]
        assert admin.patch(f"/robots/{robot.id}", json={"secret": ROBOTS}).status_code == 200
        assert admin.get("/users/current", auth=(name, WRONG)).status_code == 401
        assert admin.post("/users", json={"username": "x", "password": NEW, "email": "no"}).status_code == 400
        broken = f'{{"password": "{NEW}"'
        assert admin.post("/users", content=broken, headers={"Content-Type": "application/json"}).status_code == 422
        forged = {"User-Agent": "a fake=1", "X-Request-Id": "a fake=1"}
        assert admin.get("/projects/a%0d%0afake=1%20%1b%5b31m", headers=forged).status_code == 404
    secrets += [robot.secret, refreshed]
    with httpx.Client(base_url=live_server.url) as browser:
        token = browser.get("/api/version").headers[HEADER]
        form = {"principal": name, "password": PASSWORD}
        answers = [
            browser.post("/c/login", data=form | {"password": WRONG}, headers={HEADER: token}),
            browser.post("/c/login", data=form, headers={HEADER: token}),
        ]
        assert [answer.status_code for answer in answers] == [401, 200]
        secrets += [browser.cookies["sid"], browser.cookies["_gorilla_csrf"], token]
        change = {"old_password": PASSWORD, "new_password": NEW}
        path = f"/api/v2.0/users/{people['master'].id}/password"
        assert browser.put(path, json=change, headers={HEADER: token}).status_code == 200
    scope = {"service": "harbor-registry", "scope": "repository:private/image:pull", "offline_token": "true"}
    with httpx.Client(base_url=live_server.url) as docker:
        issued = docker.get("/service/token", params=scope, auth=(name, NEW)).json()
        secrets += [issued["token"], issued["refresh_token"]]
        again = {"service": "harbor-registry", "grant_type": "refresh_token", "refresh_token": issued["refresh_token"]}
        assert docker.post("/service/token", data=again).status_code == 200
        bearer = {"Authorization": f"Bearer {issued['token']}"}
        assert docker.get("/v2/private/image/manifests/none", headers=bearer).status_code == 404
    with ports.db.write() as session:
        session.execute(sa.text("ALTER TABLE robot RENAME TO gone"))
    with httpx.Client(base_url=f"{live_server.url}/api/v2.0") as nobody:
        assert nobody.get("/users/current", auth=("robot$ci", ROBOTS)).status_code in (500, 503)
        assert nobody.post("/users", json={"password": NEW}, auth=(name, NEW)).status_code in (403, 500, 503)
    log = live_server.log.read_text()
    assert "/service/token" in log
    assert "Traceback" in log
    secrets += [base64.b64encode(f"{name}:{each}".encode()).decode() for each in (PASSWORD, NEW)]
    assert [secret for secret in secrets if secret in log] == []
    lines = log.splitlines()
    assert not [line for line in lines if line.startswith("fake=1") or "\x1b" in line]
