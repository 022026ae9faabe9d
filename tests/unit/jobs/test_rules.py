"""When a job is due, in Harbor's words: what is accepted, and what the refusal says."""

import pytest

from app.core.errors import FieldInvalid
from app.jobs.rules import Due, ScheduleKind, schedule_cron, schedule_kind


@pytest.mark.parametrize("kind", list(ScheduleKind))
def test_harbors_kinds(kind: ScheduleKind) -> None:
    assert schedule_kind(Due(kind=kind.value)) is kind


@pytest.mark.parametrize("kind", ["", "daily", "Schedule", "Monthly"])
def test_other_kinds_are_refused_by_their_field(kind: str) -> None:
    with pytest.raises(FieldInvalid, match=r"schedule\.type must be one of Hourly, Daily, Weekly,"):
        schedule_kind(Due(kind=kind))


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        (Due(kind="Hourly"), "0 0 * * * *"),
        (Due(kind="Daily"), "0 0 0 * * *"),
        (Due(kind="Weekly"), "0 0 0 * * 0"),
        (Due(kind="Weekly", cron="0 30 3 * * 6"), "0 30 3 * * 6"),
        (Due(kind="Custom", cron=" 0 */20 * * * MON-FRI "), "0 */20 * * * MON-FRI"),
        (Due(kind="Custom", cron="0 * * * * *"), "0 * * * * *"),
        (Due(kind="Custom", cron="0 0 0 29 2 ?"), "0 0 0 29 2 ?"),
    ],
)
def test_the_expression_of_a_schedule(due: Due, expected: str) -> None:
    assert schedule_cron(due) == expected


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("", "six fields: second minute hour day month weekday"),
        ("0 0 * * *", "six fields"),
        ("0 0 0 * * * 2026", "six fields"),
        ("@daily", "six fields"),
        ("@every 6h", "six fields"),
        ("* * * * * *", r"a cron whose second is 0, not '\*'"),
        ("*/5 0 0 * * *", "a cron whose second is 0"),
        ("15 0 0 * * *", "a cron whose second is 0"),
        ("0 60 0 * * *", "a cron whose minute is from 0 to 59"),
        ("0 0 0 30 2 *", r"a cron that comes: none of its months has such a day: 0 0 0 30 2 \*"),
        ("0 0 0 31 4,6,9,11 *", "a cron that comes"),
        (f"0 {'1,' * 80}1 0 * * *", "a cron of at most 128 characters"),
    ],
)
def test_what_harbor_or_the_calendar_refuses(cron: str, expected: str) -> None:
    with pytest.raises(FieldInvalid, match=rf"schedule\.cron must be {expected}"):
        schedule_cron(Due(kind="Custom", cron=cron))


def test_some_jobs_may_not_run_every_minute() -> None:
    every_minute = Due(kind="Custom", cron="0 * * * * *")
    with pytest.raises(FieldInvalid, match=r"schedule\.cron must be a cron whose minute is not \*"):
        schedule_cron(every_minute, every_minute=False)
    assert schedule_cron(Due(kind="Custom", cron="0 */5 * * * *"), every_minute=False) == "0 */5 * * * *"
