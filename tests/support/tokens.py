"""Registry tokens for the tests, from the token service."""

from typing import Any

import httpx

from tests.support.accounts import Person
from tests.support.robots import MadeRobot

SERVICE = "harbor-registry"
REALM = f'Bearer realm="http://registry.test/service/token",service="{SERVICE}"'
"""How a challenge of the tests' installation opens."""


def ask(client: httpx.Client, person: Person | MadeRobot | None, *scopes: str, **parameters: str) -> httpx.Response:
    """A GET of the token service, with basic credentials when there is a person."""
    query: dict[str, Any] = {"service": SERVICE, "scope": list(scopes), **parameters}
    return client.get("/service/token", params=query, auth=person.credentials if person else None)


def bearer(client: httpx.Client, person: Person | MadeRobot | None, *scopes: str) -> dict[str, str]:
    """The Authorization header of a token for these scopes."""
    response = ask(client, person, *scopes)
    assert response.status_code == 200, response.text
    return {"Authorization": f"Bearer {response.json()['token']}"}


def challenge(response: httpx.Response) -> str:
    """The WWW-Authenticate header of a 401 in the registry's shape."""
    assert response.status_code == 401
    assert response.json()["errors"][0]["code"] == "UNAUTHORIZED"
    return str(response.headers["WWW-Authenticate"])
