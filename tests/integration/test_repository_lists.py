"""Lists of repositories in all their orders, read from either end, and the accessories of an artifact."""

from urllib.parse import quote

import httpx
import pytest

from app.context import Ports
from app.db import pages
from tests.integration.conftest import Caller
from tests.support.blobs import digest_of, push
from tests.support.manifests import EMPTY, artifact, push_image, push_manifest
from tests.support.queries import counted_statements

ACCESSORIES = "/projects/private/repositories/app/artifacts/1/accessories"
ORDERS = ("", "name", "-name", "-creation_time", "-pull_count", "update_time", "-update_time", "artifact_count,-name")


def q(terms: str) -> str:
    """The query parameter, escaped twice as clients do, because it is unescaped twice."""
    return "q=" + quote(quote(terms, safe=""), safe="")


def pages_of(client: httpx.Client, path: str) -> list[dict[str, object]]:
    """All items of a list, by following its links."""
    items: list[dict[str, object]] = []
    following = path
    while following:
        answer = client.get(following.removeprefix("/api/v2.0"))
        assert answer.status_code == 200, answer.text
        items += answer.json()
        links = answer.headers.get("Link", "").split(" , ")
        following = next((link[1 : link.index(">")] for link in links if 'rel="next"' in link), "")
    return items


@pytest.mark.parametrize("bounds", [(2_000, 2_000, 100_000), (1, 1, 100_000), (0, 0, 3)])
@pytest.mark.parametrize("sort", ORDERS)
def test_pages_are_parts_of_the_whole(
    caller: Caller, registry: httpx.Client, monkeypatch: pytest.MonkeyPatch, bounds: tuple[int, ...], sort: str
) -> None:
    for name, bound in zip(("FEW", "MOST_GATHERED", "MOST_COUNTED"), bounds, strict=True):
        monkeypatch.setattr(pages, name, bound)
    made = ("private/b", "public/a", "private/a", "public/c", "private/d")
    for seed, name in enumerate(made):
        push_image(registry, name, "1", seed=seed)
    for who, seen in (("admin", made), ("guest", made), (None, ("public/a", "public/c"))):
        for path, expected in (
            ("/repositories", seen),
            (f"/repositories?{q('name=~A')}", [name for name in seen if "a" in name]),
            ("/projects/public/repositories", [name for name in seen if name.startswith("public")]),
        ):
            sorted_path = f"{path}{'&' if '?' in path else '?'}sort={sort}"
            whole = caller(who).get(sorted_path)
            assert pages_of(caller(who), f"{sorted_path}&page_size=2") == whole.json()
            assert sorted(one["name"] for one in whole.json()) == sorted(expected)
            assert whole.headers["X-Total-Count"] == str(len(expected))
            key = sort.strip("-") or "creation_time"
            if "," not in key:
                values = [one[key] for one in whole.json()]
                assert values == sorted(values, reverse=sort[:1] in ("", "-"))


def test_a_page_of_repositories_costs_the_same(caller: Caller, registry: httpx.Client, ports: Ports) -> None:
    def costs() -> list[int]:
        found = []
        for who in ("admin", "guest"):
            for path in ("/repositories?sort=-update_time", "/projects/private/repositories?sort=name&page_size=3"):
                client = caller(who)
                with counted_statements(ports.db) as statements:
                    assert client.get(path).status_code == 200
                found.append(len(statements))
        return found

    push_image(registry, "private/first", "1")
    for _ in ("proves the callers", "looks at their standing"):
        costs()
    few = costs()
    for seed in range(5):
        push_image(registry, f"private/n{seed}", "1", seed=seed)
    assert costs() == few


def test_accessories_are_listed_filtered_and_sorted(admin: httpx.Client, registry: httpx.Client) -> None:
    subject = push_image(registry, "private/app", "1")
    push(registry, "private/app", EMPTY)
    attached = [
        artifact(subject, kind, annotations={"n": "x" * size})
        for size, kind in enumerate(("application/vnd.cncf.notary.signature", "a/b", "a/c"))
    ]
    for manifest in attached:
        push_manifest(registry, "private/app", manifest)
    listed = admin.get(ACCESSORIES)
    assert [one["digest"] for one in listed.json()] == [digest_of(manifest) for manifest in attached]
    assert listed.headers["X-Total-Count"] == "3"
    assert (
        listed.json()
        == admin.get(f"{ACCESSORIES.removesuffix('/accessories')}?with_accessory=true").json()["accessories"]
    )
    kinds = [one["type"] for one in listed.json()]
    assert kinds == ["signature.notation", "subject.accessory", "subject.accessory"]
    assert pages_of(admin, f"{ACCESSORIES}?page_size=1") == listed.json()
    assert pages_of(admin, f"{ACCESSORIES}?page_size=2&sort=-id") == listed.json()[::-1]
    by_size = admin.get(f"{ACCESSORIES}?sort=-size").json()
    assert [one["size"] for one in by_size] == sorted((one["size"] for one in by_size), reverse=True)
    for terms, expected in (
        ("type=signature.notation", listed.json()[:1]),
        ("type=~accessory", listed.json()[1:]),
        (f"digest={digest_of(attached[1])}", listed.json()[1:2]),
        (f"size={len(attached[0]) + 2}", [one for one in listed.json() if one["size"] == len(attached[0]) + 2]),
        (f"subject_artifact_digest={digest_of(subject)}", listed.json()),
        (f"subject_artifact_digest={digest_of(attached[0])}", []),
    ):
        assert admin.get(f"{ACCESSORIES}?{q(terms)}").json() == expected, terms


@pytest.mark.parametrize("terms", ["size=large", "creation_time=then", "type", "id=[a~b]"])
def test_a_query_of_accessories_that_makes_no_sense_is_refused(
    admin: httpx.Client, registry: httpx.Client, terms: str
) -> None:
    push_image(registry, "private/app", "1")
    refused = admin.get(f"{ACCESSORIES}?{q(terms)}")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "BAD_REQUEST")


def test_accessories_of_what_does_not_exist(admin: httpx.Client, registry: httpx.Client) -> None:
    assert admin.get(ACCESSORIES).status_code == 404
    push_image(registry, "private/app", "1")
    assert admin.get(ACCESSORIES).json() == []
    for reference in ("2", "sha256:" + "0" * 64, "x" * 3000):
        missing = admin.get(ACCESSORIES.replace("/1/", f"/{reference}/"))
        assert (missing.status_code, missing.json()["errors"][0]["code"]) == (404, "NOT_FOUND")
