"""The settings of projects, one by one and with the whole project."""

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.context import Ports
from app.events.management import ProjectUpdated
from app.projects.metadata_keys import KEYS
from app.projects.models import ProjectMetadata
from tests.integration.conftest import Caller
from tests.support.manifests import push_image
from tests.support.people import People

PRIVATE = "/projects/private"
ALL = f"{PRIVATE}/metadatas/"
_ROLES = ("stranger", "limited", "guest", "developer", "maintainer")


def settings(admin: httpx.Client) -> dict[str, str]:
    shown = admin.get(ALL)
    assert shown.status_code == 200
    assert admin.get(PRIVATE).json()["metadata"] == shown.json()
    return dict(shown.json())


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_setting_is_added_shown_changed_and_deleted(admin: httpx.Client, slash: str) -> None:
    place = f"{PRIVATE}/metadatas{slash}"
    assert admin.get(place).json() == {"public": "false"}
    added = admin.post(place, json={"auto_scan": "T"})
    assert (added.status_code, added.content) == (200, b"")
    assert admin.get(f"{ALL}auto_scan").json() == {"auto_scan": "true"}
    assert admin.post(place, json={"auto_scan": "false"}).status_code == 409
    assert admin.put(f"{ALL}auto_scan", json={"auto_scan": "0"}).status_code == 200
    assert settings(admin) == {"public": "false", "auto_scan": "false"}
    assert admin.delete(f"{ALL}auto_scan").status_code == 200
    assert settings(admin) == {"public": "false"}
    assert (admin.get(f"{ALL}auto_scan").json(), admin.delete(f"{ALL}auto_scan").status_code) == ({}, 404)


def test_a_setting_that_is_absent_may_be_put(admin: httpx.Client) -> None:
    assert admin.put(f"{ALL}severity", json={"severity": "HIGH"}).status_code == 200
    assert settings(admin) == {"public": "false", "severity": "high"}


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("enable_content_trust", "1", "true"),
        ("enable_content_trust_cosign", "t", "true"),
        ("prevent_vul", "TRUE", "true"),
        ("auto_sbom_generation", "F", "false"),
        ("reuse_sys_cve_allowlist", "False", "false"),
        ("severity", "None", "none"),
        ("severity", "critical", "critical"),
    ],
)
def test_values_are_stored_in_one_form(admin: httpx.Client, key: str, value: str, stored: str) -> None:
    assert admin.post(ALL, json={key: value}).status_code == 200
    assert settings(admin)[key] == stored


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"auto_scan": "true", "severity": "low"}, 400),
        ({"unknown": "x"}, 400),
        ({"": "x"}, 400),
        ({"é" * 300: "x"}, 400),
        ({"auto_scan": "perhaps"}, 400),
        ({"auto_scan": ""}, 400),
        ({"severity": "awful"}, 400),
        ({"retention_id": "1"}, 400),
        ({"retention_id": "²"}, 400),
        ({"proxy_speed_kb": "-1"}, 400),
        ({"proxy_speed_kb": "1" * 5000}, 400),
        ({"max_upstream_conn": "0"}, 400),
        ({"proxy_cache_filter_kind": "glob"}, 400),
        ({"proxy_cache_filter_pattern": "**"}, 400),
        ({"proxy_referrer_api": "true"}, 400),
        ({"public": "true"}, 409),
        ({"auto_scan": True}, 422),
        ({"auto_scan": None}, 422),
        ({"auto_scan": "tr\0ue"}, 422),
        (["auto_scan"], 422),
        ("auto_scan", 422),
    ],
)
def test_what_is_no_setting_is_refused(admin: httpx.Client, body: object, status: int) -> None:
    refused = admin.post(ALL, json=body)
    assert refused.status_code == status, refused.text
    assert settings(admin) == {"public": "false"}
    if status == 400 and isinstance(body, dict) and len(body) == 1:
        for key in body.keys() & KEYS.keys():
            assert key in refused.text


def test_a_post_without_a_body_is_refused(admin: httpx.Client) -> None:
    assert admin.post(ALL).status_code == 400
    assert admin.put(f"{ALL}auto_scan").status_code == 400


@pytest.mark.parametrize(
    "body", [{"severity": "low"}, {"auto_scan": "true", "severity": "low"}, {"auto_scan": "perhaps"}]
)
def test_a_put_names_the_setting_of_its_path(admin: httpx.Client, body: dict[str, str]) -> None:
    assert admin.put(f"{ALL}auto_scan", json=body).status_code == 400
    assert settings(admin) == {"public": "false"}


@pytest.mark.parametrize("name", ["unknown", "%2e%2e", "é", "a" * 300, "1%27%20OR%201=1", "severity"])
def test_settings_that_are_not_there_are_none(admin: httpx.Client, name: str) -> None:
    shown = admin.get(ALL + name)
    assert (shown.status_code, shown.json()) == (200, {})
    assert admin.delete(ALL + name).status_code == 404


def test_the_retention_policy_is_the_servers(admin: httpx.Client, ports: Ports) -> None:
    project = admin.get(PRIVATE).json()["project_id"]
    with ports.db.write() as session:
        session.execute(sa.insert(ProjectMetadata).values(project_id=project, name="retention_id", value="7"))
    assert admin.put(f"{ALL}retention_id", json={"retention_id": "7"}).status_code == 200
    assert admin.put(f"{ALL}retention_id", json={"retention_id": "8"}).status_code == 400
    assert admin.put(PRIVATE, json={"metadata": {"retention_id": "7", "auto_scan": "1"}}).status_code == 200
    refused = admin.put(PRIVATE, json={"metadata": {"retention_id": "8", "auto_scan": "0"}})
    assert (refused.status_code, "retention_id" in refused.text) == (400, True)
    assert admin.delete(f"{ALL}retention_id").status_code == 400
    assert settings(admin) == {"public": "false", "retention_id": "7", "auto_scan": "true"}


def test_public_counts_at_once_for_pulls(admin: httpx.Client, client: httpx.Client, people: People) -> None:
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    push_image(client, "private/app", "1")
    place, scope = "/v2/private/app/manifests/1", "repository:private/app:pull"
    stranger = people["stranger"].credentials
    assert client.get(place, auth=stranger).status_code == 403
    assert admin.put(f"{ALL}public", json={"public": "true"}).status_code == 200
    asked = client.get("/service/token", params={"service": "harbor-registry", "scope": scope}, auth=stranger)
    bearer = {"Authorization": f"Bearer {asked.json()['token']}"}

    def answers() -> tuple[int, int]:
        by_token = client.get(place, headers=bearer, auth=None)
        return by_token.status_code, client.get(place, auth=stranger).status_code

    assert answers() == (200, 200)
    assert admin.get("/projects?public=true&name=private").headers["X-Total-Count"] == "1"
    assert admin.delete(f"{ALL}public").status_code == 200
    assert settings(admin) == {"public": "false"}
    assert answers() == (401, 403)


def test_members_below_administrators_change_nothing(caller: Caller, admin: httpx.Client) -> None:
    for who, refused in ((None, 401), *((role, 403) for role in _ROLES)):
        client = caller(who)
        answers = [
            client.get(ALL),
            client.post(ALL, json={"auto_scan": "true"}),
            client.put(f"{ALL}public", json={"public": "true"}),
            client.delete(f"{ALL}public"),
            client.put(PRIVATE, json={"metadata": {"public": "true"}}),
        ]
        assert [answer.status_code for answer in answers] == [refused] * 5, who
    assert caller("master").get(ALL).status_code == 403
    assert settings(admin) == {"public": "false"}


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("stranger", 403), ("admin", 404)])
def test_the_settings_of_a_missing_project_are_refused_by_who_asks(
    caller: Caller, who: str | None, status: int
) -> None:
    for key in ("nothing", "777777", "-1"):
        assert caller(who).get(f"/projects/{key}/metadatas").status_code == status
        assert caller(who).put(f"/projects/{key}", json={}).status_code == status


def test_a_project_is_changed(admin: httpx.Client) -> None:
    assert admin.post(ALL, json={"severity": "low"}).status_code == 200
    before = admin.get(PRIVATE).json()
    change = {"auto_scan": "1", "severity": "HIGH", "unknown": "x", "proxy_speed_kb": "-1", "prevent_vul": ""}
    answer = admin.put(PRIVATE, json={"project_name": "other", "public": True, "metadata": change, "storage_limit": 5})
    assert (answer.status_code, answer.content) == (200, b"")
    after = admin.get(PRIVATE).json()
    assert after.pop("metadata") == {"public": "false", "auto_scan": "true", "severity": "high"}
    assert after.pop("update_time") > before.pop("update_time")
    before.pop("metadata")
    assert after == before
    assert admin.get(f"{PRIVATE}/summary").json()["quota"]["hard"] == {"storage": -1}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"metadata": {"public": "perhaps", "auto_scan": "true"}}, "public"),
        ({"metadata": {"auto_scan": "true", "severity": "awful"}}, "severity"),
        ({"metadata": {"auto_scan": "true", "proxy_speed_kb": "5"}}, "proxy_speed_kb"),
        ({"metadata": {"auto_scan": "true", "max_upstream_conn": "none"}}, "max_upstream_conn"),
        ({"metadata": {"auto_scan": "true"}, "cve_allowlist": {"items": [{}]}}, "cve_allowlist.items"),
        ({"metadata": {"auto_scan": "true"}, "cve_allowlist": {"project_id": 777}}, "cve_allowlist.project_id"),
    ],
)
def test_a_refused_change_changes_nothing(admin: httpx.Client, body: dict[str, Any], named: str) -> None:
    before = admin.get(PRIVATE).json()
    refused = admin.put(PRIVATE, json=body)
    assert (refused.status_code, named in refused.text) == (400, True), refused.text
    assert admin.get(PRIVATE).json() == before


def test_changes_are_told(admin: httpx.Client, ports: Ports) -> None:
    told: list[object] = []
    ports.effects[ProjectUpdated] = (lambda _, event: told.append(event.name),)  # type: ignore[index] # a dict
    admin.put(PRIVATE, json={"metadata": {"public": "true"}})
    admin.put(f"{ALL}public", json={"public": "false"})
    admin.put(f"{ALL}public", json={"public": "perhaps"})
    assert told == ["private", "private"]
