"""The vulnerabilities that projects and the system accept."""

from typing import Any

import httpx
import pytest

from tests.integration.conftest import Caller

SYSTEM = "/system/CVEAllowlist"
PRIVATE = "/projects/private"
TIMES = {"creation_time", "update_time"}
_ITEMS = [{"cve_id": "CVE-2024-1234"}, {"cve_id": "CVE-2023-4567"}]


def of_system(admin: httpx.Client) -> dict[str, Any]:
    shown = admin.get(SYSTEM)
    assert shown.status_code == 200
    return dict(shown.json())


def of_project(admin: httpx.Client, name: str = "private") -> dict[str, Any]:
    return dict(admin.get(f"/projects/{name}").json()["cve_allowlist"])


def test_the_systems_list_is_there_from_the_start_and_replaced(caller: Caller, admin: httpx.Client) -> None:
    shown = of_system(admin)
    assert shown.keys() == {"id", "items"} | TIMES
    assert shown["items"] == []
    changed = admin.put(SYSTEM, json={"items": _ITEMS, "expires_at": 1893456000})
    assert (changed.status_code, changed.content) == (200, b"")
    after = caller("stranger").get(SYSTEM).json()
    assert (after["id"], after["items"], after["expires_at"]) == (shown["id"], _ITEMS, 1893456000)
    assert after["update_time"] > shown["update_time"]
    assert admin.put(SYSTEM, json={"items": _ITEMS[:1], "expires_at": None}).status_code == 200
    again = of_system(admin)
    assert (again["items"], "expires_at" in again) == (_ITEMS[:1], False)


def test_a_projects_list_is_made_with_it_and_replaced(admin: httpx.Client) -> None:
    made = admin.post("/projects", json={"project_name": "new", "cve_allowlist": {"items": _ITEMS, "expires_at": 5}})
    assert made.status_code == 201
    shown = of_project(admin, "new")
    project = admin.get("/projects/new").json()["project_id"]
    assert (shown["project_id"], shown["items"], shown["expires_at"]) == (project, _ITEMS, 5)
    change = {"items": _ITEMS[1:], "project_id": project}
    assert admin.put("/projects/new", json={"cve_allowlist": change}).status_code == 200
    after = of_project(admin, "new")
    assert (after["id"], after["items"], "expires_at" in after) == (shown["id"], _ITEMS[1:], False)
    assert admin.put("/projects/new", json={"metadata": {"reuse_sys_cve_allowlist": "false"}}).status_code == 200
    assert of_project(admin, "new") == after
    (listed,) = admin.get("/projects?name=new").json()
    assert listed["cve_allowlist"] == after
    assert of_system(admin)["items"] == []


def test_a_project_without_a_list_gets_one(admin: httpx.Client) -> None:
    assert of_project(admin)["items"] == []
    assert admin.put(PRIVATE, json={"cve_allowlist": {"items": _ITEMS}}).status_code == 200
    assert of_project(admin)["items"] == _ITEMS
    assert of_project(admin, "public")["items"] == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"items": [{"cve_id": "CVE-1"}, {"cve_id": "CVE-1"}]}, 400),
        ({"items": [{"cve_id": "CVE-1"}, {"cve_id": " CVE-1 "}]}, 400),
        ({"items": [{"cve_id": ""}]}, 400),
        ({"items": [{}]}, 400),
        ({"items": [{"cve_id": "C" * 129}]}, 400),
        ({"items": [{"cve_id": f"CVE-{number}"} for number in range(10_001)]}, 400),
        ({"expires_at": -1}, 400),
        ({"project_id": 777}, 400),
        ({"project_id": -1}, 400),
        ({"items": [{"cve_id": "a\0b"}]}, 422),
        ({"items": ["CVE-1"]}, 422),
        ({"items": {}}, 422),
        ({"items": [{"cve_id": 5}]}, 422),
        ({"expires_at": "soon"}, 422),
        ({"expires_at": 2**63}, 422),
        ([], 422),
    ],
)
def test_wrong_lists_are_refused(admin: httpx.Client, body: object, status: int) -> None:
    before = of_system(admin), of_project(admin)
    assert admin.put(SYSTEM, json=body).status_code == status
    assert admin.put(PRIVATE, json={"cve_allowlist": body}).status_code == status
    assert (of_system(admin), of_project(admin)) == before


def test_the_systems_list_is_nobody_elses_to_change(caller: Caller, admin: httpx.Client) -> None:
    for who, status in ((None, 401), ("stranger", 403), ("master", 403)):
        assert caller(who).put(SYSTEM, json={"items": _ITEMS}).status_code == status
    assert caller(None).get(SYSTEM).status_code == 401
    assert of_system(admin)["items"] == []


def test_odd_ids_are_kept_as_they_are(admin: httpx.Client) -> None:
    odd = [{"cve_id": "GHSA-ünï-☃"}, {"cve_id": "'; DROP TABLE project; --"}]
    assert admin.put(SYSTEM, json={"items": odd}).status_code == 200
    assert of_system(admin)["items"] == odd
