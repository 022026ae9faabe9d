"""``/v2/_catalog``: who may, pages, order, and what is not listed."""

import re

import httpx

from app.artifacts.models import Repository
from app.context import Ports
from app.projects.rights import project_or_none
from tests.support.accounts import PASSWORD
from tests.support.people import PUBLIC, ROLES, People
from tests.support.tokens import REALM, bearer, challenge

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_pages_in_byte_order(client: httpx.Client, people: People, ports: Ports) -> None:
    names = ["public/Z".lower() + tail for tail in ("-1", "0", "_a", ".b", "/c")]
    _publish(ports, names)
    auth, expected = ("admin", PASSWORD), sorted(names, key=str.encode)
    assert client.get("/v2/_catalog", auth=auth).json() == {"repositories": expected}
    first = client.get("/v2/_catalog?n=2", auth=auth)
    assert first.json() == {"repositories": expected[:2]}
    link = re.fullmatch(r'<(.*)>; rel="next"', first.headers["Link"])
    assert link
    second = client.get(link[1], auth=auth)
    assert second.json() == {"repositories": expected[2:4]}
    last = client.get("/v2/_catalog", params={"n": 2, "last": expected[3]}, auth=auth)
    assert (last.json(), "Link" in last.headers) == ({"repositories": expected[4:]}, False)


def test_unknown_last_and_odd_sizes(client: httpx.Client, people: People, ports: Ports) -> None:
    _publish(ports, ["public/a", "public/c"])
    auth = ("admin", PASSWORD)
    assert client.get("/v2/_catalog?last=public/b", auth=auth).json() == {"repositories": ["public/c"]}
    empty = client.get("/v2/_catalog?n=0", auth=auth)
    assert (empty.json(), "Link" in empty.headers) == ({"repositories": []}, False)
    assert client.get("/v2/_catalog?n=99999999999999999999", auth=auth).status_code == 200
    for wrong in ("-1", "x", "1.5", ""):
        refused = client.get(f"/v2/_catalog?n={wrong}", auth=auth)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "PAGINATION_NUMBER_INVALID")
    refused = client.get("/v2/_catalog?last=%00", auth=auth)
    assert (refused.status_code, refused.json()["errors"][0]["detail"]) == (400, {"parameter": "last"})


def test_repositories_without_a_manifest_are_not_there(client: httpx.Client, people: People, ports: Ports) -> None:
    _publish(ports, ["public/seen"])
    client.post("/v2/public/unseen/blobs/uploads/?digest=" + EMPTY, auth=("admin", PASSWORD), content=b"")
    assert client.get("/v2/_catalog", auth=("admin", PASSWORD)).json() == {"repositories": ["public/seen"]}


def test_who_may_not(client: httpx.Client, people: People) -> None:
    assert challenge(client.get("/v2/_catalog")) == 'Basic realm="harbor"'
    for name in (*ROLES, "stranger"):
        assert challenge(client.get("/v2/_catalog", auth=people[name].credentials)) == 'Basic realm="harbor"'
        token = bearer(client, people[name], "registry:catalog:*")
        assert 'error="insufficient_scope"' in challenge(client.get("/v2/_catalog", headers=token))
    assert challenge(client.get("/v2/_catalog", auth=("admin", "wrong"))) == 'Basic realm="harbor"'
    narrow = bearer(client, people["admin"], "repository:private/image:pull")
    expected = f'{REALM},scope="registry:catalog:*",error="insufficient_scope"'
    assert challenge(client.get("/v2/_catalog", headers=narrow)) == expected


def test_administrators_by_basic_and_bearer(client: httpx.Client, people: People) -> None:
    for options in (
        {"auth": ("admin", PASSWORD)},
        {"headers": bearer(client, people["admin"], "registry:catalog:*")},
    ):
        response = client.get("/v2/_catalog", **options)
        assert (response.status_code, response.json()) == (200, {"repositories": []})


def _publish(ports: Ports, names: list[str]) -> None:
    """Repositories as a push leaves them; the catalog looks at these columns only."""
    now = ports.clock.now()
    with ports.db.write() as session:
        project = project_or_none(session, PUBLIC)
        assert project is not None
        session.add_all(
            Repository(project_id=project.id, name=name, published=True, creation_time=now, update_time=now)
            for name in names
        )
