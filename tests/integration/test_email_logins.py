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


@pytest.mark.usefixtures("people")
def test_the_case_of_an_address_is_nothing(app: Flask) -> None:
    for given in (ADDRESS.upper(), "Guest@Example.Test"):
        assert Browser(app).logged_in(given).who() == "guest"


def test_one_address_is_one_accounts_in_any_case(client: httpx.Client, people: People) -> None:
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    taken = [("twin", ADDRESS.upper()), (ADDRESS.title(), "other@example.test")]
    for name, email in taken:
        user = {"username": name, "email": email, "realname": "Twin", "password": "Another12345"}
        assert client.post("/api/v2.0/users", json=user).status_code == 409
    own = people["stranger"].credentials
    place = f"/api/v2.0/users/{people['stranger'].id}"
    for email, status in ((ADDRESS.upper(), 409), ("Stranger@Example.test", 200), ("Stränger@example.test", 200)):
        profile = {"email": email, "realname": "", "comment": ""}
        assert client.put(place, json=profile, auth=own).status_code == status
    for query, names in ((f"email={ADDRESS.upper()}", ["guest"]), ("email=STRäNGER@example.TEST", ["stranger"])):
        for key in (query, query.replace("email=", "username_or_email=")):
            assert [each["username"] for each in client.get("/api/v2.0/users", params={"q": key}).json()] == names
    assert client.get("/api/v2.0/users", params={"q": "email=STRÄNGER@example.test"}).json() == []


def test_a_form_is_told_that_an_address_is_taken_in_any_case(app: Flask, people: People) -> None:
    asked = {"target": "email", "value": ADDRESS.upper()}
    assert Browser(app).logged_in(people["admin"].name).post("/c/userExists", data=asked).json() is True


def test_an_address_that_came_twice_with_old_data_is_the_older_accounts(
    client: httpx.Client, people: People, ports: Ports
) -> None:
    with ports.db.write() as session:
        same = {"email": ADDRESS.upper(), "email_key": None}
        session.execute(sa.update(User).where(User.id == people["stranger"].id).values(**same))
    by_address = client.get("/api/v2.0/users/current", auth=(ADDRESS.upper(), PASSWORD))
    assert by_address.json()["username"] == "guest"
    place, own = f"/api/v2.0/users/{people['stranger'].id}", people["stranger"].credentials
    profile = {"email": ADDRESS.upper(), "realname": "Still here", "comment": ""}
    assert client.put(place, json=profile, auth=own).status_code == 200
    profile["email"] = "moved@example.test"
    assert client.put(place, json=profile, auth=own).status_code == 200
    moved = client.get("/api/v2.0/users/current", auth=("Moved@example.test", PASSWORD))
    assert moved.json()["username"] == "stranger"
