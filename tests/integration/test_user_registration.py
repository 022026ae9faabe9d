"""People who make their own accounts: only while it is allowed, and only from the product's own page."""

import httpx
import pytest

from tests.integration.conftest import Caller
from tests.support.accounts import PASSWORD

NEW = {"username": "new", "password": PASSWORD, "email": "new@example.test", "realname": "New"}
_BY_PROGRAMS = "self-registration cannot be triggered via API"


@pytest.fixture
def environment(environment: dict[str, str], request: pytest.FixtureRequest) -> dict[str, str]:
    return environment | {"HARBOR_SELF_REGISTRATION": getattr(request, "param", "true")}


def pair(client: httpx.Client) -> dict[str, str]:
    """The token that fits the cookie that the client is given."""
    return {"X-Harbor-CSRF-Token": client.get("/users/current").headers["X-Harbor-CSRF-Token"]}


def test_from_the_page(caller: Caller) -> None:
    nobody = caller(None)
    made = nobody.post("/users", json=NEW | {"sysadmin": True, "sysadmin_flag": True}, headers=pair(nobody))
    assert made.status_code == 201
    shown = nobody.get("/users/current", auth=("new", PASSWORD)).json()
    assert (shown["user_id"], shown["sysadmin_flag"]) == (int(made.headers["Location"].rpartition("/")[2]), False)
    assert nobody.post("/users", json=NEW, headers=pair(nobody)).status_code == 409
    assert nobody.post("/users", json=NEW | {"password": "weak"}, headers=pair(nobody)).status_code == 400


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestRefusals:
    def test_by_programs(self, caller: Caller) -> None:
        nobody = caller(None)
        for headers in ({}, {"X-Harbor-CSRF-Token": "forged"}, {"X-Harbor-CSRF-Token": "A" * 88}):
            refused = nobody.post("/users", json=NEW, headers=headers)
            assert (refused.status_code, refused.json()["errors"][0]["message"]) == (403, _BY_PROGRAMS)
        assert caller("admin").get("/users?q=username=new").json() == []

    def test_by_whom_is_somebody(self, caller: Caller) -> None:
        headers = pair(caller(None))
        for client in (caller("guest"), caller("master")):
            assert client.post("/users", json=NEW, headers=headers).status_code == 403

    @pytest.mark.parametrize("environment", ["false"], indirect=True)
    def test_while_it_is_off(self, caller: Caller) -> None:
        nobody = caller(None)
        assert nobody.post("/users", json=NEW, headers=pair(nobody)).status_code == 401
        assert caller("guest").post("/users", json=NEW).status_code == 403
        assert caller("admin").post("/users", json=NEW).status_code == 201

    def test_administrators_still_may(self, caller: Caller) -> None:
        assert caller("admin").post("/users", json=NEW).status_code == 201
