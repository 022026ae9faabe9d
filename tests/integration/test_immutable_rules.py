"""Immutability rules through the management API."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from app.context import Context
from app.immutability.models import ImmutableRule
from app.immutability.rules import MOST_RULES
from tests.integration.conftest import Caller
from tests.support.immutability import RULES, make_rule, rule_body

SELECTOR = {"kind": "doublestar", "decoration": "matches", "pattern": "v*"}
SCOPE = {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": "**"}]}


def test_a_rule_is_made_shown_changed_and_deleted(admin: httpx.Client) -> None:
    made = admin.post(RULES, json=rule_body(priority=3))
    assert (made.status_code, made.content) == (201, b"")
    rule_id = int(made.headers["Location"].removeprefix(f"/api/v2.0{RULES}/"))
    shown = admin.get(RULES)
    assert shown.headers["X-Total-Count"] == "1"
    assert shown.json() == [
        {
            "id": rule_id,
            "priority": 3,
            "action": "immutable",
            "template": "immutable_template",
            "tag_selectors": [SELECTOR],
            "scope_selectors": SCOPE,
        }
    ]
    changed = shown.json()[0] | {"tag_selectors": [SELECTOR | {"decoration": "excludes", "extras": "{}"}]}
    assert admin.put(f"{RULES}/{rule_id}", json=changed).status_code == 200
    assert admin.get(RULES).json() == [changed]
    assert admin.delete(f"{RULES}/{rule_id}").status_code == 200
    assert admin.get(RULES).json() == []
    assert admin.delete(f"{RULES}/{rule_id}").status_code == 404


def test_a_rule_is_disabled_and_enabled(admin: httpx.Client) -> None:
    rule_id = make_rule(admin)
    whole = admin.get(RULES).json()[0]
    assert admin.put(f"{RULES}/{rule_id}", json={"id": rule_id, "disabled": True}).status_code == 200
    assert admin.get(RULES).json() == [whole | {"disabled": True}]
    assert admin.put(f"{RULES}/{rule_id}", json={"id": rule_id, "disabled": True}).status_code == 400
    assert admin.put(f"{RULES}/{rule_id}", json=whole).status_code == 200
    assert admin.get(RULES).json() == [whole]
    assert make_rule(admin, "disabled", disabled=True)


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"tag_selectors": []}, "tag_selectors"),
        ({"scope_selectors": {}}, "scope_selectors.repository"),
        ({"scope_selectors": {"repository": []}}, "scope_selectors.repository"),
        ({"scope_selectors": {"tag": [SELECTOR]}}, "scope_selectors"),
        ({"tag_selectors": [SELECTOR] * 11}, "tag_selectors"),
        ({"tag_selectors": [SELECTOR | {"decoration": "repoMatches"}]}, "tag_selectors[0].decoration"),
        ({"tag_selectors": [SELECTOR, SELECTOR | {"pattern": ""}]}, "tag_selectors[1].pattern"),
        ({"tag_selectors": [SELECTOR | {"pattern": "[a"}]}, "tag_selectors[0].pattern"),
        ({"tag_selectors": [SELECTOR | {"pattern": "{a,b}" * 9}]}, "tag_selectors[0].pattern"),
        ({"tag_selectors": [SELECTOR | {"pattern": "a" * 1025}]}, "tag_selectors[0].pattern"),
        ({"tag_selectors": [SELECTOR | {"kind": "regexp"}]}, "tag_selectors[0].kind"),
        ({"tag_selectors": [SELECTOR | {"extras": "a" * 1025}]}, "tag_selectors[0].extras"),
        ({"action": "retain"}, "action"),
        ({"template": "always"}, "template"),
        ({"params": {"count": {}}}, "params"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_wrong_rule_is_refused_by_the_name_of_the_field(
    admin: httpx.Client, changed: dict[str, object], named: str
) -> None:
    rule_id = make_rule(admin, "kept")
    before = admin.get(RULES).json()
    body = rule_body() | changed
    for answer in (admin.post(RULES, json=body), admin.put(f"{RULES}/{rule_id}", json=body | {"id": rule_id})):
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"].startswith(f"{named} must be "), answer.text
    assert admin.get(RULES).json() == before


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"tag_selectors": "a"},
        {"tag_selectors": [None]},
        {"tag_selectors": [3]},
        {"scope_selectors": [1]},
        {"scope_selectors": {"repository": [{"pattern": 3}]}},
        {"scope_selectors": {"repository": "a"}},
        rule_body("a\0b"),
        rule_body(priority=2**64),
        rule_body(disabled="yes"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_body_of_another_shape_is_422(admin: httpx.Client, body: object) -> None:
    assert admin.post(RULES, json=body).status_code == 422
    assert admin.post(RULES, content=b"{").status_code == 422


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_empty_rule_is_refused(admin: httpx.Client) -> None:
    assert admin.post(RULES, json={}).status_code == 400
    assert admin.get(RULES).json() == []


def test_a_rule_is_there_once(admin: httpx.Client) -> None:
    first, second = make_rule(admin), make_rule(admin, "r*")
    answer = admin.post(RULES, json=rule_body(priority=7))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "CONFLICT")
    assert admin.put(f"{RULES}/{second}", json=rule_body(id=second)).status_code == 409
    assert admin.put(f"{RULES}/{first}", json=rule_body(id=first, priority=7)).status_code == 200
    assert admin.post("/projects/public/immutabletagrules", json=rule_body()).status_code == 201


def test_the_same_rule_made_at_once_is_there_once(admin: httpx.Client) -> None:
    with ThreadPoolExecutor(4) as pool:
        statuses = list(pool.map(lambda _: admin.post(RULES, json=rule_body()).status_code, range(8)))
    assert sorted(statuses) == [201, *[409] * 7]
    assert len(admin.get(RULES).json()) == 1


def test_the_rule_of_another_project_is_not_found(admin: httpx.Client) -> None:
    rule_id = make_rule(admin)
    place = f"/projects/public/immutabletagrules/{rule_id}"
    assert admin.put(place, json=rule_body(id=rule_id, disabled=True)).status_code == 404
    assert admin.delete(place).status_code == 404
    assert admin.put(f"{RULES}/{rule_id}", json=rule_body(id=rule_id + 1)).status_code == 400
    assert admin.put(f"{RULES}/{rule_id}", json=rule_body("r*")).status_code == 200, "without an id"
    assert admin.put(f"{RULES}/777", json=rule_body(id=777)).status_code == 404
    assert len(admin.get(RULES).json()) == 1


def test_rules_are_listed_by_page_and_filter(admin: httpx.Client) -> None:
    made = [make_rule(admin, f"v{number}", priority=number, disabled=number == 2) for number in (3, 1, 2)]
    for query, expected in (
        ("", made),
        ("sort=priority", [made[1], made[2], made[0]]),
        ("sort=-id", made[::-1]),
        ("page_size=2&page=2", made[2:]),
        ("q=disabled=true", made[2:]),
        ("q=priority=1", made[1:2]),
        ("q=nothing=1", made),
    ):
        assert [rule["id"] for rule in admin.get(f"{RULES}?{query}").json()] == expected, query
    assert admin.get(f"{RULES}?q=priority=a").status_code == 400


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_project_has_a_bounded_number_of_rules(admin: httpx.Client) -> None:
    for number in range(MOST_RULES):
        make_rule(admin, f"v{number}")
    answer = admin.post(RULES, json=rule_body("one-more"))
    assert (answer.status_code, "which is the most" in answer.text) == (400, True)
    assert len(admin.get(f"{RULES}?page_size=0").json()) == MOST_RULES


def test_rules_go_with_their_project(admin: httpx.Client, ctx: Context) -> None:
    admin.post("/projects", json={"project_name": "short"}).raise_for_status()
    admin.post("/projects/short/immutabletagrules", json=rule_body()).raise_for_status()
    assert admin.delete("/projects/short").status_code == 200
    with ctx.read() as session:
        assert session.execute(sa.select(ImmutableRule.id)).all() == []


def test_a_project_by_number_or_by_a_name_like_one(admin: httpx.Client) -> None:
    admin.post("/projects", json={"project_name": "0123"}).raise_for_status()
    place = "/projects/0123/immutabletagrules"
    assert admin.post(place, json=rule_body(), headers={"X-Is-Resource-Name": "true"}).status_code == 201
    project_id = admin.get("/projects?name=0123").json()[0]["project_id"]
    assert len(admin.get(f"/projects/{project_id}/immutabletagrules").json()) == 1
    assert admin.get("/projects/nothing/immutabletagrules").status_code == 404


class TestTrying:
    """``_test`` tells whether a tag would be protected, and by which rules."""

    def test_it_names_the_rules(self, admin: httpx.Client, caller: Caller) -> None:
        first = make_rule(admin, "v*", "team/**")
        second = make_rule(admin, "{v1.*,latest}")
        make_rule(admin, "**", "**", disabled=True)
        for repository, tag, expected in (
            ("team/app", "v1.2", [first, second]),
            ("team/app", "v2", [first]),
            ("app", "v1.2", [second]),
            ("app", "latest", [second]),
            ("app", "nightly", []),
        ):
            answer = caller("maintainer").get(f"{RULES}/_test", params={"repository": repository, "tag": tag})
            assert answer.status_code == 200
            verdict = answer.json()
            assert verdict["immutable"] is bool(expected)
            assert [rule["id"] for rule in verdict["rules"]] == expected

    @pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
    def test_what_can_be_no_name_is_refused(self, admin: httpx.Client) -> None:
        for asked, status in (
            ({"repository": "App", "tag": "v1"}, 400),
            ({"repository": "../app", "tag": "v1"}, 400),
            ({"repository": "app", "tag": "-v1"}, 400),
            ({"repository": "app", "tag": "\0"}, 400),
            ({"repository": "a" * 300, "tag": "v1"}, 400),
            ({"repository": "app"}, 422),
            ({}, 422),
        ):
            assert admin.get(f"{RULES}/_test", params=asked).status_code == status, json.dumps(asked)
