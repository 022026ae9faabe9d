"""What a request does not say changes and destroys nothing: absent, null, false, 0 and "" in bodies that could."""

import json
from typing import Any

import httpx
import pytest

from app.context import Context
from app.garbage.contracts import GARBAGE_COLLECTION
from app.jobs.schedules import ScheduleService
from app.jobs.service import JobService
from tests.support.people import People
from tests.support.robots import entry, make_robot

GC = "/system/gc/schedule"
ALLOWLIST = "/system/CVEAllowlist"
PROJECT = "/projects/private"
_ITEMS = [{"cve_id": "CVE-2024-1234"}]
_DUE = {"type": "Weekly", "cron": "0 0 0 * * 0"}


def manual(parameters: object) -> dict[str, Any]:
    return {"schedule": {"type": "Manual"}, "parameters": parameters}


FLAGS = [
    {"schedule": {"type": "Manual"}},
    manual(None),
    manual({}),
    manual({"workers": 2}),
    manual({"workers": None}),
    manual({"delete_untagged": False}),
    manual({"delete_untagged": None, "delete_tag": None, "dry_run": None}),
]


@pytest.mark.parametrize("body", FLAGS, ids=json.dumps)
def test_a_collection_deletes_what_it_is_told_to(admin: httpx.Client, ctx: Context, body: dict[str, Any]) -> None:
    for method, kind in (("POST", "Manual"), ("PUT", "Manual"), ("POST", "Hourly"), ("PUT", "Custom")):
        due = {"type": kind, "cron": "0 0 * * * *"}
        assert admin.request(method, GC, json=body | {"schedule": due}).is_success
    started = [JobService(ctx).execution(number).input for number in (1, 2)]
    scheduled = ScheduleService(ctx).find(GARBAGE_COLLECTION)
    assert scheduled is not None
    for asked in (*started, scheduled.input):
        assert [asked[flag] for flag in ("delete_untagged", "delete_tag", "dry_run")] == [False] * 3


@pytest.mark.parametrize("value", ["true", "", 0, 1, [], {}])
@pytest.mark.parametrize("flag", ["delete_untagged", "delete_tag", "dry_run"])
def test_a_flag_that_is_none_is_refused_by_its_name(admin: httpx.Client, flag: str, value: object) -> None:
    answer = admin.post(GC, json=manual({flag: value}))
    assert answer.status_code == 400
    assert flag in answer.json()["errors"][0]["message"]
    assert admin.get("/system/gc").json() == []


class Installation:
    """Everything that the bodies below could destroy."""

    def __init__(self, admin: httpx.Client, people: People) -> None:
        self.admin = admin
        self.user = people["stranger"].id
        self.robot = make_robot(
            admin, "ci", entry("private", "repository:pull", "repository:push"), description="ci"
        ).id
        accepted = {"items": _ITEMS, "expires_at": 2**31}
        settings = {"auto_scan": "true", "severity": "high", "prevent_vul": "true", "public": "true"}
        done = [
            admin.post(GC, json={"schedule": _DUE, "parameters": {"dry_run": True, "workers": 3}}),
            admin.put(ALLOWLIST, json=accepted),
            admin.put(PROJECT, json={"metadata": settings, "cve_allowlist": accepted}),
        ]
        assert all(answer.is_success for answer in done)
        (member,) = admin.get(f"{PROJECT}/members?entityname=guest").json()
        group = admin.post("/usergroups", json={"group_name": "few", "group_type": 2}).headers["Location"]
        self.paths = {
            "gc": GC,
            "allowlist": ALLOWLIST,
            "project": PROJECT,
            "metadata": f"{PROJECT}/metadatas/",
            "setting": f"{PROJECT}/metadatas/severity",
            "summary": f"{PROJECT}/summary",
            "member": f"{PROJECT}/members/{member['id']}",
            "robot": f"/robots/{self.robot}",
            "user": f"/users/{self.user}",
            "group": group.removeprefix("/api/v2.0"),
        }

    def shown(self) -> dict[str, Any]:
        answers = {name: self.admin.get(path) for name, path in self.paths.items()}
        assert all(answer.status_code == 200 for answer in answers.values())
        shown = {name: answer.json() for name, answer in answers.items()}
        for each in shown.values():
            each.pop("update_time", None)
        return shown


@pytest.fixture
def installation(admin: httpx.Client, people: People) -> Installation:
    return Installation(admin, people)


ROBOT = {"name": "robot$ci", "level": "system", "description": "ci", "duration": -1, "disable": False}
REFUSED, KEPT = (400, 422), (200,)
CASES: list[tuple[str, str, list[Any], tuple[int, ...]]] = [
    (
        "PUT",
        "gc",
        [
            {},
            {"schedule": None},
            {"schedule": {}},
            {"schedule": {"type": None}},
            {"schedule": {"type": ""}},
            {"schedule": {"cron": ""}},
            {"schedule": {"type": "Custom"}},
            {"schedule": {"type": "Custom", "cron": None}},
            {"schedule": {"type": "Custom", "cron": ""}},
            {"schedule": {"type": "none"}},
            {"parameters": {"delete_untagged": True}},
            None,
        ],
        REFUSED,
    ),
    ("PUT", "allowlist", [None], KEPT),
    ("PUT", "allowlist", ["", 0, False, [], {"items": ""}, {"items": [{}]}, {"items": [{"cve_id": ""}]}], REFUSED),
    (
        "PUT",
        "project",
        [
            {},
            {"metadata": None},
            {"metadata": {}},
            {"metadata": {"public": None, "severity": None, "auto_scan": None}},
            {"metadata": {"public": "", "severity": "", "auto_scan": ""}},
            {"cve_allowlist": None},
            {"storage_limit": 0, "public": False, "registry_id": None},
        ],
        KEPT,
    ),
    ("PUT", "project", [{"metadata": ""}, {"cve_allowlist": ""}, {"cve_allowlist": []}, {"metadata": False}], REFUSED),
    ("PUT", "setting", [{}, {"severity": ""}, {"severity": None}, {"severity": 0}, {"auto_scan": "false"}], REFUSED),
    ("POST", "metadata", [{}, {"severity": ""}, {"severity": None}], REFUSED),
    ("PUT", "member", [None, {}, {"role_id": None}, {"role_id": 0}, {"role_id": ""}, {"role_id": False}], REFUSED),
    (
        "PUT",
        "robot",
        [
            {},
            None,
            ROBOT,
            ROBOT | {"permissions": None},
            ROBOT | {"permissions": []},
            ROBOT | {"permissions": [{}]},
            ROBOT | {"permissions": [{"kind": "project", "namespace": "private", "access": []}]},
            ROBOT | {"permissions": [{"kind": "project", "namespace": "private", "access": None}]},
            ROBOT | {"permissions": [{"kind": "project", "namespace": "", "access": [{"resource": "a"}]}]},
        ],
        REFUSED,
    ),
    ("PATCH", "robot", [{"grace_period": -1}, {"secret": 0}, {"secret": False}, None], REFUSED),
    (
        "PUT",
        "user",
        [{}, None, {"email": None}, {"email": "", "realname": ""}, {"comment": "only"}, {"realname": "only"}],
        REFUSED,
    ),
    ("PUT", "group", [{}, None, {"group_name": None}, {"group_name": ""}, {"group_name": " "}], REFUSED),
]


def test_what_is_not_said_is_not_done(installation: Installation) -> None:
    before = installation.shown()
    for method, thing, bodies, expected in CASES:
        for body in bodies:
            options = {} if body is None else {"json": body}
            answer = installation.admin.request(method, installation.paths[thing], **options)
            said = f"{method} {thing} {body!r}: {answer.status_code} {answer.text}"
            assert answer.status_code in expected, said
            assert installation.shown() == before, said


def test_a_password_that_is_not_said_stays(installation: Installation, client: httpx.Client, people: People) -> None:
    path = f"/users/{installation.user}/password"
    for body in ({}, {"new_password": None}, {"new_password": ""}, {"password": "Another12345"}):
        assert installation.admin.put(path, json=body).status_code == 400
    assert client.get("/v2/", auth=people["stranger"].credentials).status_code == 200


@pytest.mark.parametrize("value", [0, 1, 0.0, "", "true", "false", "on", "off", "0", [], {}], ids=json.dumps)
def test_what_is_no_flag_is_none(installation: Installation, value: object) -> None:
    """Neither a number nor a word makes an administrator, or leaves certificates unchecked."""
    admin, robot = installation.admin, installation.admin.get(f"/robots/{installation.robot}").json()
    for path, member in (
        ("/configurations", "ldap_verify_cert"),
        (f"/users/{installation.user}/sysadmin", "sysadmin_flag"),
    ):
        before = admin.get(path.removesuffix("/sysadmin")).json()
        answer = admin.put(path, json={member: value})
        assert (answer.status_code, member in answer.json()["errors"][0]["message"]) == (422, True)
        assert admin.get(path.removesuffix("/sysadmin")).json() == before
    assert admin.put(f"/robots/{installation.robot}", json=robot | {"disable": value}).status_code == 422
    assert admin.post("/projects", json={"project_name": "flagged", "public": value}).status_code == 422
    assert admin.get("/projects/flagged").status_code == 404
