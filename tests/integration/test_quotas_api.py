"""Quotas as administrators list and change them."""

import json

import httpx
import pytest

from app.core.reference import RepositoryName
from tests.integration.conftest import Caller
from tests.support.blobs import SESSIONS, content_of, push
from tests.support.manifests import push_image
from tests.support.quotas import quota_of

_LARGEST = 2**63 - 1


class TestQuotas:
    """``/quotas``."""

    def test_a_quota_has_harbors_shape(self, admin: httpx.Client, registry: httpx.Client) -> None:
        push_image(registry, "private/a", "1")
        shown = quota_of(admin, "private")
        project = admin.get("/projects/private").json()
        assert shown.pop("update_time")
        assert shown.pop("creation_time") == project["creation_time"]
        used = shown.pop("used")
        assert used == {"storage": admin.get("/projects/private/summary").json()["quota"]["used"]["storage"]}
        assert used["storage"] > 0
        assert shown == {
            "id": project["project_id"],
            "ref": {"id": project["project_id"], "name": "private", "owner_name": project["owner_name"]},
            "hard": {"storage": -1},
        }
        assert admin.get(f"/quotas/{project['project_id']}").json()["ref"]["name"] == "private"

    def test_a_project_without_content_shows_its_zero(self, admin: httpx.Client) -> None:
        assert quota_of(admin, "private")["used"] == {"storage": 0}

    @pytest.mark.parametrize(
        ("sort", "names"),
        [
            ("hard.storage", ["small", "large", "private"]),
            ("-hard.storage", ["private", "large", "small"]),
            ("used.storage", ["small", "large", "private"]),
            ("-used.storage", ["private", "large", "small"]),
            ("creation_time", ["private", "small", "large"]),
            ("", ["large", "small", "private"]),
            ("nonsense", ["large", "small", "private"]),
        ],
    )
    def test_lists_are_sorted_and_no_limit_is_the_largest(
        self, admin: httpx.Client, registry: httpx.Client, sort: str, names: list[str]
    ) -> None:
        for name, limit in (("small", 100), ("large", 10**15)):
            admin.post("/projects", json={"project_name": name, "storage_limit": limit})
        push(registry, RepositoryName("large/a"), content_of(50))
        push(registry, RepositoryName("private/a"), content_of(90))
        listed = admin.get("/quotas", params={"sort": sort, "page_size": 100})
        shown = [item["ref"]["name"] for item in listed.json() if item["ref"]["name"] in names]
        assert shown == names
        assert listed.headers["X-Total-Count"] == str(len(listed.json()))

    def test_pages_follow_each_other(self, admin: httpx.Client) -> None:
        for number in range(5):
            admin.post("/projects", json={"project_name": f"p{number}"})
        everything = [item["id"] for item in admin.get("/quotas", params={"page_size": 100}).json()]
        paged = [
            item["id"]
            for page in (1, 2, 3, 4)
            for item in admin.get("/quotas", params={"page_size": 2, "page": page}).json()
        ]
        assert paged == everything[:8]

    @pytest.mark.parametrize(
        "parameters",
        [
            {"reference": "user"},
            {"reference_id": "none"},
            {"reference_id": "9" * 30},
            {"reference_id": "9" * 5000},
            {"reference_id": "²"},
        ],
    )
    def test_what_has_no_quota_lists_none(self, admin: httpx.Client, parameters: dict[str, str]) -> None:
        listed = admin.get("/quotas", params=parameters)
        assert (listed.status_code, listed.json(), listed.headers["X-Total-Count"]) == (200, [], "0")

    @pytest.mark.parametrize("limit", [1, 10**9, _LARGEST, -1])
    def test_a_limit_is_set_and_on_record(self, admin: httpx.Client, limit: int) -> None:
        number = quota_of(admin, "private")["id"]
        admin.put(f"/quotas/{number}", json={"hard": {"storage": 5}})
        assert admin.put(f"/quotas/{number}", json={"hard": {"storage": limit}}).status_code == 200
        assert quota_of(admin, "private")["hard"] == {"storage": limit}
        rows = admin.get("/projects/private/auditlog-exts", params={"q": "resource_type=quota"}).json()
        assert [(row["operation"], row["resource"], row["username"]) for row in rows] == [
            ("update", "private", rows[0]["username"])
        ] * 2

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({}, 400),
            ({"hard": {}}, 400),
            ({"hard": {"storage": 0}}, 400),
            ({"hard": {"storage": -2}}, 400),
            ({"hard": {"count": 5}}, 400),
            ({"hard": {"storage": 5, "count": 5}}, 400),
            ({"hard": {"storage": "5"}}, 422),
            ({"hard": {"storage": 2**63}}, 422),
            ({"hard": {"storage": 1.5}}, 422),
            ({"hard": {"storage": None}}, 422),
            ({"hard": [5]}, 422),
            ([], 422),
        ],
    )
    def test_a_wrong_limit_is_refused_by_name(self, admin: httpx.Client, body: object, status: int) -> None:
        number = quota_of(admin, "private")["id"]
        answer = admin.put(f"/quotas/{number}", content=json.dumps(body), headers={"Content-Type": "application/json"})
        assert answer.status_code == status, answer.text
        assert status == 422 or "hard" in answer.json()["errors"][0]["message"]
        assert quota_of(admin, "private")["hard"] == {"storage": -1}

    def test_a_limit_below_the_use_refuses_pushes_until_it_is_raised(
        self, admin: httpx.Client, registry: httpx.Client
    ) -> None:
        push_image(registry, "private/a", "1")
        number = quota_of(admin, "private")["id"]
        assert admin.put(f"/quotas/{number}", json={"hard": {"storage": 1}}).status_code == 200
        refused = registry.post(SESSIONS.format(name="private/a"))
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "DENIED")
        assert admin.put(f"/quotas/{number}", json={"hard": {"storage": -1}}).status_code == 200
        push_image(registry, "private/a", "2", seed=2)


def test_only_administrators_see_and_change_quotas(caller: Caller, admin: httpx.Client) -> None:
    number = quota_of(admin, "private")["id"]
    for who, status in ((None, 401), ("stranger", 403), ("guest", 403), ("master", 403)):
        client = caller(who)
        answers = (
            client.get("/quotas"),
            client.get(f"/quotas/{number}"),
            client.put(f"/quotas/{number}", json={"hard": {"storage": 5}}),
        )
        assert [answer.status_code for answer in answers] == [status] * 3
    assert quota_of(admin, "private")["hard"] == {"storage": -1}
