"""The list of tags: byte order, pages, and what is refused."""

from datetime import UTC, datetime

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Artifact, Repository, Tag
from app.context import Context
from tests.support.blobs import content_of, push
from tests.support.manifests import push_image, put

NAME = "library-test/app"
LIST = f"/v2/{NAME}/tags/list"
TAGS = ["1.0", "A", "Z", "_", "a", "a.b", "b"]
"""In byte order."""


@pytest.fixture
def tagged(pusher: httpx.Client) -> httpx.Client:
    """The pusher, with TAGS in the repository."""
    manifest = push_image(pusher, NAME)
    for tag in reversed(TAGS):
        assert put(pusher, NAME, manifest, tag).status_code == 201
    return pusher


def test_all_tags_come_in_byte_order(tagged: httpx.Client) -> None:
    answer = tagged.get(LIST)
    assert answer.json() == {"name": NAME, "tags": TAGS}
    assert answer.headers["Content-Type"] == "application/json"
    assert "Link" not in answer.headers


@pytest.mark.parametrize("query", ["last=%00", "n=1&last=a%00b"])
def test_a_last_that_no_database_takes_is_refused(tagged: httpx.Client, query: str) -> None:
    refused = tagged.get(f"{LIST}?{query}")
    assert (refused.status_code, refused.json()["errors"][0]["detail"]) == (400, {"parameter": "last"})


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_links_lead_through_all_pages(tagged: httpx.Client, size: int) -> None:
    seen, place = [], f"{LIST}?n={size}"
    while place:
        answer = tagged.get(place)
        seen += answer.json()["tags"]
        place = answer.links.get("next", {}).get("url", "")
    assert seen == TAGS


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("n=0", []),
        ("last=Z", ["_", "a", "a.b", "b"]),
        ("last=Zz", ["_", "a", "a.b", "b"]),
        ("last=zzz", []),
        ("n=2&last=A", ["Z", "_"]),
        ("n=99999999999999999999999", TAGS),
        ("n=007", TAGS),
        ("ns=elsewhere", TAGS),
    ],
)
def test_pages(tagged: httpx.Client, query: str, expected: list[str]) -> None:
    assert tagged.get(f"{LIST}?{query}").json()["tags"] == expected


def test_an_empty_page_has_no_link(tagged: httpx.Client) -> None:
    assert "Link" not in tagged.get(f"{LIST}?n=0").headers


@pytest.mark.parametrize("number", ["-1", "x", "", "1.5", "²", "+1"])
def test_a_page_size_that_is_no_number(tagged: httpx.Client, number: str) -> None:
    answer = tagged.get(LIST, params={"n": number})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "PAGINATION_NUMBER_INVALID")


def test_a_repository_is_unknown_until_its_first_manifest(pusher: httpx.Client) -> None:
    push(pusher, NAME, content_of(10))
    answer = pusher.get(LIST)
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "NAME_UNKNOWN")


def test_thousands_of_tags_come_in_pages(pusher: httpx.Client, ctx: Context) -> None:
    push_image(pusher, NAME)
    names = [f"t{number:06}" for number in range(12_000)]
    with ctx.write() as session:
        repository, artifact = session.execute(sa.select(Repository.id, Artifact.id).join(Artifact)).one()
        place = {"repository_id": repository, "artifact_id": artifact, "push_time": datetime.now(UTC)}
        session.execute(sa.insert(Tag), [place | {"name": name} for name in names])
    assert pusher.get(f"{LIST}?n=100&last=t005000").json()["tags"] == names[5001:5101]
    for place_of_all in (LIST, f"{LIST}?n=11000"):
        most = pusher.get(place_of_all)
        assert most.json()["tags"] == names[:10_000]
        assert pusher.get(most.links["next"]["url"]).json()["tags"] == names[10_000:]
