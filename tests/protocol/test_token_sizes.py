"""Tokens for very many or very long names are still taken by the server that issued them."""

import pytest

from app.context import Ports
from tests.support.accounts import make_user
from tests.support.people import PRIVATE, PUBLIC, People
from tests.support.server import LiveServer
from tests.support.tokens import SERVICE

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
FIRST = f"{PRIVATE}/first"
ASKED = {
    "many": [f"{PRIVATE}/r{number:03}" for number in range(200)],
    "long": [f"{PRIVATE}/{'r' * 200}{number:03}" for number in range(100)],
    "public": [f"{PUBLIC}/{'r' * 60}{number:03}" for number in range(128)],
    "no name": ["é" * 4000, "a" * 20_000],
}


@pytest.mark.parametrize("names", ASKED.values(), ids=ASKED.keys())
def test_a_token_fits_its_header(live_server: LiveServer, people: People, ports: Ports, names: list[str]) -> None:
    for person in (people["admin"], make_user(ports, "é" * 200)):
        scope = " ".join(f"repository:{name}:pull,push,delete" for name in (FIRST, *names))
        credentials = {"username": person.name, "password": person.credentials[1]}
        form = {"service": SERVICE, "grant_type": "password", "scope": scope, **credentials}
        issued = live_server.client.post("/service/token", data=form)
        token = {"Authorization": f"Bearer {issued.json()['token']}"}
        answer = live_server.client.get(f"/v2/{FIRST}/tags/list", headers=token)
        assert answer.status_code == (404 if person is people["admin"] else 403), answer.text
