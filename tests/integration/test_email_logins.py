"""People may give their e-mail address for their name."""

import httpx
import jwt
import pytest
import sqlalchemy as sa
from flask import Flask

from app.context import Ports
from app.identity.models import User
from tests.support.accounts import PASSWORD
from tests.support.browser import Browser
from tests.support.people import People
from tests.support.tokens import SERVICE

ADDRESS = "guest@example.test"


@pytest.mark.usefixtures("people")
def test_a_browser_logs_in_by_address(app: Flask) -> None:
    assert Browser(app).logged_in(ADDRESS).who() == "guest"


@pytest.mark.usefixtures("people")
def test_a_token_names_the_account(client: httpx.Client) -> None:
    answer = client.get("/service/token", params={"service": SERVICE}, auth=(ADDRESS, PASSWORD))
    claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    assert claims["sub"] == "guest"


@pytest.mark.usefixtures("people")
def test_wrong_password(client: httpx.Client) -> None:
    assert client.get("/api/v2.0/users/current", auth=(ADDRESS, "Wrong12345")).status_code == 401


def test_nobody_takes_anothers_address_for_a_name(client: httpx.Client, people: People) -> None:
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    user = {"username": ADDRESS, "email": "other@example.test", "password": "Another12345", "realname": "O"}
    assert client.post("/api/v2.0/users", json=user).status_code == 409
    user = {"username": "own@example.test", "email": "own@example.test", "password": "Another12345", "realname": "O"}
    assert client.post("/api/v2.0/users", json=user).status_code == 201
    profile = {"email": "own@example.test", "realname": "", "comment": ""}
    changed = client.put(f"/api/v2.0/users/{people['guest'].id}", json=profile, auth=people["guest"].credentials)
    assert changed.status_code == 409


def test_a_name_that_came_with_old_data_goes_before_an_address(
    client: httpx.Client, people: People, ports: Ports
) -> None:
    with ports.db.write() as session:
        session.execute(sa.update(User).where(User.id == people["stranger"].id).values(username=ADDRESS))
    named = client.get("/api/v2.0/users/current", auth=(ADDRESS, PASSWORD))
    assert (named.status_code, named.json()["user_id"]) == (200, people["stranger"].id)
