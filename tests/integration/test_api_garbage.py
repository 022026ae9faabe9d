"""The seven operations on garbage collection, from the outside; what the worker does is tested elsewhere."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from app.context import Context, Ports
from app.garbage.contracts import GARBAGE_COLLECTION, UPLOAD_PURGE_JOB, PurgeInput
from app.jobs.contracts import Status, Trigger
from app.jobs.models import Execution
from app.jobs.runs import JobRun
from app.jobs.service import JobService
from tests.support.people import People
from tests.support.robots import entry, make_robot

_GC = "/api/v2.0/system/gc"
_SCHEDULE = f"{_GC}/schedule"


@pytest.fixture
def asked(client: httpx.Client, people: People) -> Callable[..., httpx.Response]:
    """A request of the administrator."""

    def ask(
        method: str, path: str = _SCHEDULE, body: dict[str, Any] | None = None, **query: int | str
    ) -> httpx.Response:
        return client.request(method, path, json=body, params=query, auth=people["admin"].credentials)

    return ask


def manual(**parameters: object) -> dict[str, Any]:
    return {"schedule": {"type": "Manual"}, "parameters": parameters}


def test_a_manual_run_is_asked_for_and_shown(asked: Callable[..., httpx.Response], ctx: Context) -> None:
    made = asked("POST", body=manual(delete_untagged=False, workers=3))
    assert (made.status_code, made.headers["Location"], made.content) == (201, f"{_GC}/1", b"")
    shown = asked("GET", made.headers["Location"]).json()
    parameters = json.loads(shown.pop("job_parameters"))
    assert parameters == {"delete_untagged": False, "delete_tag": False, "dry_run": False, "workers": 3}
    assert {name: shown[name] for name in ("id", "job_name", "job_kind", "job_status", "schedule")} == {
        "id": 1,
        "job_name": "GARBAGE_COLLECTION",
        "job_kind": "MANUAL",
        "job_status": "Pending",
        "schedule": {"type": "Manual", "next_scheduled_time": "0001-01-01T00:00:00.000Z"},
    }
    assert asked("GET", _GC).json()[0]["schedule"]["type"] == "Manual"
    with ctx.read() as session:
        row = session.get_one(Execution, 1)
        assert (row.operator, row.workflow_type, row.input["workers"]) == ("admin", "GarbageCollection", 3)


def test_what_a_run_freed_is_among_its_parameters(asked: Callable[..., httpx.Response], ctx: Context) -> None:
    asked("POST", body=manual())
    run = JobRun(ctx, JobService(ctx).execution(1).workflow_id, GARBAGE_COLLECTION.workflow)
    run.begin(0)
    run.count({"purged_blobs": 2, "freed_space": 30, "redispatched": 1})
    run.log("2 blobs and 0 manifests eligible for deletion")
    run.finish(Status.SUCCESS)
    parameters = json.loads(asked("GET", f"{_GC}/1").json()["job_parameters"])
    assert (parameters["purged_blobs"], parameters["freed_space"]) == (2, 30)
    assert "redispatched" not in parameters
    log = asked("GET", f"{_GC}/1/log")
    assert log.headers["Content-Type"].startswith("text/plain")
    assert log.text.endswith(" 2 blobs and 0 manifests eligible for deletion\n")


def test_history_is_paged_newest_first(asked: Callable[..., httpx.Response]) -> None:
    for _ in range(3):
        asked("POST", body=manual())
    answer = asked("GET", _GC, page=1, page_size=2)
    assert [item["id"] for item in answer.json()] == [3, 2]
    assert answer.headers["X-Total-Count"] == "3"
    assert 'rel="next"' in answer.headers["Link"]


def test_stopping(asked: Callable[..., httpx.Response]) -> None:
    asked("POST", body=manual())
    assert asked("PUT", f"{_GC}/1").status_code == 200
    assert asked("GET", f"{_GC}/1").json()["job_status"] == "Stopped"
    assert asked("PUT", f"{_GC}/1").status_code == 200


def test_the_schedule_is_made_replaced_and_removed(asked: Callable[..., httpx.Response]) -> None:
    nothing = asked("GET")
    assert (nothing.status_code, nothing.content) == (200, b"")
    daily = {"schedule": {"type": "Daily", "cron": "0 0 0 * * *"}, "parameters": {"delete_untagged": True}}
    assert asked("POST", body=daily).status_code == 201
    shown = asked("GET").json()
    assert (shown["job_kind"], "job_name" in shown, shown["id"]) == ("0 0 0 * * *", False, 1)
    assert (shown["schedule"]["type"], shown["schedule"]["cron"]) == ("Daily", "0 0 0 * * *")
    assert shown["schedule"]["next_scheduled_time"].endswith("T00:00:00.000Z")
    assert json.loads(shown["job_parameters"]) == {"delete_untagged": True, "delete_tag": False, "workers": 1}
    assert asked("PUT", body=daily | {"parameters": {"dry_run": True}}).status_code == 200
    assert json.loads(asked("GET").json()["job_parameters"])["dry_run"] is True
    custom = {"schedule": {"type": "Custom", "cron": "0 15 3 * * MON"}}
    assert asked("PUT", body=custom).status_code == 200
    assert asked("GET").json()["schedule"]["cron"] == "0 15 3 * * MON"
    assert asked("PUT", body={"schedule": {"type": "None"}}).status_code == 200
    assert asked("GET").content == b""
    assert asked("GET", _GC).json() == []


def test_a_run_of_the_schedule_says_so(asked: Callable[..., httpx.Response], ctx: Context) -> None:
    asked("POST", body={"schedule": {"type": "Hourly"}})
    JobRun(ctx, "schedule-GARBAGE_COLLECTION-0-2026", GARBAGE_COLLECTION.workflow).begin(1)
    for shown in (asked("GET", f"{_GC}/1").json(), asked("GET", _GC).json()[0]):
        assert (shown["job_kind"], shown["schedule"]["type"]) == ("SCHEDULE", "Schedule")


@pytest.mark.parametrize(
    "body",
    [
        manual(workers=0),
        manual(workers=11),
        manual(workers="many"),
        manual(workers=True),
        manual(dry_run="yes"),
        {"schedule": {"type": "Custom", "cron": "every now and then"}},
        {"schedule": {"type": "Custom"}},
        {"schedule": {"type": "Schedule", "cron": "0 0 0 * * *"}},
        {"schedule": {"type": "Hourly", "cron": "0 0 0 30 2 *"}},
        {"schedule": {}},
        {},
    ],
)
def test_what_makes_no_sense_is_refused(asked: Callable[..., httpx.Response], body: dict[str, Any]) -> None:
    for method in ("POST", "PUT"):
        answer = asked(method, body=body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "BAD_REQUEST")
    assert asked("GET", _GC).json() == []


def test_an_administrator_who_asks_is_shown_the_run_at_temporal(
    asked: Callable[..., httpx.Response], ctx: Context, ports: Ports
) -> None:
    asked("POST", body=manual())
    path = f"{_GC}/1"
    assert "workflow_url" not in asked("GET", path, with_extensions="true").json()
    run = JobService(ctx).execution(1)
    JobRun(ctx, run.workflow_id, GARBAGE_COLLECTION.workflow).begin(0)
    settings = ports.settings.temporal
    expected = f"{settings.ui_url}/namespaces/{settings.namespace}/workflows/{run.workflow_id}"
    assert asked("GET", path, with_extensions="true").json()["workflow_url"] == expected
    assert asked("GET", _GC, with_extensions="true").json()[0]["workflow_url"] == expected
    assert "workflow_url" not in asked("GET", path).json()


def test_a_robot_that_may_read_runs_is_not_shown_where_they_are(
    admin: httpx.Client, client: httpx.Client, ctx: Context
) -> None:
    robot = make_robot(admin, "reader", entry("/", "garbage-collection:read"))
    admin.post("/system/gc/schedule", json=manual())
    JobRun(ctx, JobService(ctx).execution(1).workflow_id, GARBAGE_COLLECTION.workflow).begin(0)
    shown = client.get(f"{_GC}/1", params={"with_extensions": "true"}, auth=robot.credentials)
    assert (shown.json()["id"], "workflow_url" in shown.json()) == (1, False)


@pytest.mark.parametrize("suffix", ["", "/log"])
def test_runs_that_are_not_there(asked: Callable[..., httpx.Response], ctx: Context, suffix: str) -> None:
    assert asked("GET", f"{_GC}/77{suffix}").status_code == 404
    assert asked("PUT", f"{_GC}/77").status_code == 404


def test_runs_of_other_jobs_are_not_collections(asked: Callable[..., httpx.Response], ctx: Context) -> None:
    other = JobService(ctx).start(UPLOAD_PURGE_JOB, PurgeInput(), trigger=Trigger.MANUAL)
    assert asked("GET", f"{_GC}/{other}").status_code == 404
    assert JobService(ctx).execution(other).vendor_type != GARBAGE_COLLECTION.vendor


@pytest.mark.parametrize(("person", "expected"), [(None, 401), ("master", 403)])
def test_only_administrators_may(client: httpx.Client, people: People, person: str | None, expected: int) -> None:
    auth = people[person].credentials if person else httpx.USE_CLIENT_DEFAULT
    asked = [
        client.get(_GC, auth=auth),
        client.get(f"{_GC}/1", auth=auth),
        client.put(f"{_GC}/1", auth=auth),
        client.get(f"{_GC}/1/log", auth=auth),
        client.get(_SCHEDULE, auth=auth),
        client.post(_SCHEDULE, json=manual(), auth=auth),
        client.put(_SCHEDULE, json=manual(), auth=auth),
    ]
    assert [answer.status_code for answer in asked] == [expected] * 7
