"""The token service: GET and the OAuth2 POST, what is granted, what is refused."""

import re
import time
from typing import Any

import httpx
import jwt
import pytest
import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.access.roles import Role
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.identity.service import UserService
from tests.support.accounts import PASSWORD, make_project
from tests.support.people import People
from tests.support.tokens import SERVICE, ask

HELD = {
    "admin": ["pull", "push", "delete"],
    "master": ["pull", "push", "delete"],
    "maintainer": ["pull", "push", "delete"],
    "developer": ["pull", "push"],
    "guest": ["pull"],
    "limited": ["pull"],
    "stranger": [],
}


def claims(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    read: dict[str, Any] = jwt.decode(response.json()["token"], options={"verify_signature": False})
    return read


def granted(response: httpx.Response) -> dict[str, list[str]]:
    return {entry["name"]: entry["actions"] for entry in claims(response)["access"]}


def post(client: httpx.Client, **form: str) -> httpx.Response:
    return client.post("/service/token", data={"service": SERVICE, **form})


class TestGet:
    def test_answer_and_claims(self, client: httpx.Client, people: People) -> None:
        response = ask(client, people["developer"], "repository:private/image:pull")
        answer = response.json()
        assert answer["token"] == answer["access_token"]
        assert answer["expires_in"] == 30 * 60
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", answer["issued_at"])
        assert "refresh_token" not in answer
        assert response.headers["Cache-Control"] == "no-store"
        header = jwt.get_unverified_header(answer["token"])
        assert header["alg"] == "RS256"
        assert re.fullmatch(r"([A-Z2-7]{4}:){11}[A-Z2-7]{4}", header["kid"])
        read = claims(response)
        assert (read["iss"], read["aud"], read["sub"]) == ("harbor-token-issuer", "harbor-registry", "developer")
        assert read["exp"] - read["iat"] == 30 * 60
        assert read["nbf"] == read["iat"]
        assert len(read["jti"]) == 16

    @pytest.mark.parametrize("name", sorted(HELD))
    def test_what_is_asked_for_and_held_is_granted(self, client: httpx.Client, people: People, name: str) -> None:
        for asked in ("pull", "push", "push,pull", "pull,push,delete", "*", "delete,other", "other"):
            things = ("repository:private/image", "repository:public/image", "registry:catalog")
            access = granted(ask(client, people[name], *(f"{thing}:{asked}" for thing in things)))
            wanted = {"pull", "push", "delete"} if asked == "*" else set(asked.split(","))
            assert access == {
                "private/image": [action for action in HELD[name] if action in wanted],
                "public/image": [action for action in HELD[name] or ["pull"] if action in wanted],
                "catalog": ["*"] if name == "admin" and asked == "*" else [],
            }

    def test_nobody_may_pull_what_is_public(self, client: httpx.Client, people: People) -> None:
        scopes = ("repository:private/image:pull", "repository:public/image:pull,push", "registry:catalog:*")
        response = ask(client, None, *scopes)
        assert granted(response) == {"private/image": [], "public/image": ["pull"], "catalog": []}
        assert claims(response)["sub"] == ""

    def test_nobody_without_a_scope(self, client: httpx.Client) -> None:
        for scopes in ((), ("",), ("nonsense",)):
            response = ask(client, None, *scopes)
            assert response.status_code == 401
            assert response.headers["WWW-Authenticate"] == 'Basic realm="harbor"'

    def test_login_with_a_wrong_password_fails(self, client: httpx.Client, people: People) -> None:
        parameters = {"service": SERVICE, "account": "developer", "client_id": "docker", "offline_token": "true"}
        response = client.get("/service/token", params=parameters, auth=("developer", "wrong"))
        assert response.status_code == 401
        assert response.json()["errors"][0]["code"] == "UNAUTHORIZED"

    def test_wrong_credentials_with_a_scope_count_as_nobody(self, client: httpx.Client, people: People) -> None:
        query = {"service": SERVICE, "scope": "repository:public/image:pull,push", "offline_token": "true"}
        response = client.get("/service/token", params=query, auth=("developer", "wrong"))
        assert granted(response) == {"public/image": ["pull"]}
        assert "refresh_token" not in response.json()

    @pytest.mark.parametrize("service", ["harbor-notary", "", None])
    def test_unknown_service(self, client: httpx.Client, people: People, service: str | None) -> None:
        query = {"scope": "repository:public/image:pull"} | ({} if service is None else {"service": service})
        assert client.get("/service/token", params=query).status_code == 400

    def test_shapes_of_scopes(self, client: httpx.Client, people: People) -> None:
        response = ask(
            client,
            people["developer"],
            "repository:private/a:pull repository:private/b:push,pull",
            "repository(plugin):private/c:pull",
            "repository:localhost:5000/private/d:pull",
            "repository:missing/e:pull",
            "repository:single:pull",
            "registry:unknown:*",
            "other:thing:pull",
            "no-colon",
            "repository:no-action",
            "repository::pull",
            "repository:private/a:pull",
        )
        assert claims(response)["access"] == [
            {"type": "repository", "name": "private/a", "actions": ["pull"]},
            {"type": "repository", "name": "private/b", "actions": ["pull", "push"]},
            {"type": "repository", "class": "plugin", "name": "private/c", "actions": ["pull"]},
            {"type": "repository", "name": "localhost:5000/private/d", "actions": []},
            {"type": "repository", "name": "missing/e", "actions": []},
            {"type": "repository", "name": "single", "actions": []},
            {"type": "registry", "name": "unknown", "actions": []},
            {"type": "other", "name": "thing", "actions": []},
        ]

    def test_rights_of_this_moment(self, client: httpx.Client, people: People, ports: Ports) -> None:
        person, scope = people["stranger"], "repository:late/image:pull"
        assert granted(ask(client, person, scope)) == {"late/image": []}
        make_project(ports, "late", members={person: Role.DEVELOPER})
        response = ask(client, person, scope)
        assert granted(response) == {"late/image": ["pull"]}
        user = UserService(Context(ports, SYSTEM)).get(person.id)
        assert claims(response)["harbor"]["version"] == user.version

    def test_a_failed_login_is_on_record(self, client: httpx.Client, people: People, ports: Ports) -> None:
        client.get("/service/token", params={"service": SERVICE}, auth=("developer", "wrong"))
        with ports.db.read() as session:
            row = session.execute(sa.select(AuditLog).order_by(AuditLog.id.desc()).limit(1)).scalar_one()
        assert (row.username, row.success) == ("developer", False)

    def test_guessing_is_delayed(self, client: httpx.Client, people: People) -> None:
        began = time.monotonic()
        for _ in range(5):
            client.get("/service/token", params={"service": SERVICE}, auth=("guest", "wrong"))
        delayed = client.get("/service/token", params={"service": SERVICE}, auth=("guest", "wrong"))
        assert (delayed.status_code, delayed.headers["Retry-After"]) == (429, "1")
        assert post(client, grant_type="password", username="guest", password="wrong").status_code == 429
        assert ask(client, people["guest"], "repository:public/image:pull").status_code == 200
        assert post(client, grant_type="password", username="guest", password=PASSWORD).status_code == 200
        assert time.monotonic() - began < 10


class TestPost:
    def test_password(self, client: httpx.Client, people: People) -> None:
        scope = "repository:private/image:pull,push repository:public/image:pull"
        response = post(client, grant_type="password", username="guest", password=PASSWORD, scope=scope, client_id="x")
        assert granted(response) == {"private/image": ["pull"], "public/image": ["pull"]}
        assert "refresh_token" not in response.json()
        token = {"Authorization": f"Bearer {response.json()['access_token']}"}
        assert client.get("/v2/private/image/manifests/none", headers=token).status_code == 404

    @pytest.mark.parametrize(
        "form",
        [
            {"grant_type": "password", "username": "guest", "password": "wrong"},
            {"grant_type": "password", "username": "nobody", "password": PASSWORD},
            {"grant_type": "password"},
            {"grant_type": "refresh_token", "refresh_token": "made-up"},
            {"grant_type": "refresh_token"},
        ],
    )
    def test_wrong_credentials(self, client: httpx.Client, people: People, form: dict[str, str]) -> None:
        response = post(client, **form, scope="repository:public/image:pull")
        assert (response.status_code, response.json()["error"]) == (401, "invalid_grant")
        assert response.json()["errors"][0]["code"] == "UNAUTHORIZED"

    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({}, "unsupported_grant_type"),
            ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
            ({"grant_type": "password", "service": "another"}, "invalid_request"),
        ],
    )
    def test_requests_that_make_no_sense(self, client: httpx.Client, form: dict[str, str], error: str) -> None:
        response = post(client, **form)
        assert (response.status_code, response.json()["error"]) == (400, error)

    def test_other_methods(self, client: httpx.Client) -> None:
        assert client.put("/service/token").status_code == 405
