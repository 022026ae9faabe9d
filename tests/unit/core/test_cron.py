"""Cron expressions: what is accepted, what Temporal gets, when the next time is."""

from datetime import UTC, datetime

import pytest

from app.core.cron import parse
from app.core.errors import FieldInvalid


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 0 * * *", ("0 0 0 * * * *",)),
        ("0 0 * * * *", ("0 0 * * * * *",)),
        ("0 0 0 * * 0", ("0 0 0 * * 0 *",)),
        ("0 0 0 ? * MON-FRI", ("0 0 0 * * 1,2,3,4,5 *",)),
        ("0 0 0 1 * ?", ("0 0 0 1 * * *",)),
        ("0 0 0 */1 * MON", ("0 0 0 * * 1 *",)),
        ("0 0 0 */2 * MON", ("0 0 0 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * * *", "0 0 0 * * 1 *")),
        ("0 30 2 13 * 5", ("0 30 2 13 * * *", "0 30 2 * * 5 *")),
        ("0 */20 * * * *", ("0 0,20,40 * * * * *",)),
        ("0 10/25 * * * *", ("0 10,35 * * * * *",)),
        ("0 0 9-17/4 * jan,DEC *", ("0 0 9,13,17 * 1,12 * *",)),
        ("15 3 * * *", ("0 15 3 * * * *",)),
        ("@daily", ("0 0 0 * * * *",)),
        ("@weekly", ("0 0 0 * * 0 *",)),
        ("@every 1h30m", ("@every 5400s",)),
        (" 0 0 0 * * * ", ("0 0 0 * * * *",)),
    ],
)
def test_temporals_fields(expression: str, expected: tuple[str, ...]) -> None:
    assert parse(expression).temporal == expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "* * * *",
        "0 0 0 * * * *",
        "60 0 0 * * *",
        "0 0 24 * * *",
        "0 0 0 0 * *",
        "0 0 0 * 13 *",
        "0 0 0 * * 7",
        "0 0 0 * * FOO",
        "0 5-1 0 * * *",
        "0 */0 0 * * *",
        "0 1/x 0 * * *",
        "0 -1 0 * * *",
        "0 \u0661 0 * * *",
        "0 0 0 * * *;x",
        "@never",
        "@every 0s",
        "@every soon",
        "@every \u0663h",
        "@every 999999999h",
        f"@every {'9' * 5000}h",
        f"0 0 {'9' * 5000} * * *",
        f"0 0 */{'9' * 5000} * * *",
        "# comment",
        f"0 {','.join(map(str, range(60)))} 0 * * *",
    ],
    ids=lambda expression: expression[:30],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(FieldInvalid, match=r"schedule\.cron must be"):
        parse(expression, "schedule.cron")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 * * * *", "2026-11-24T09:00:00"),
        ("0 0 0 * * *", "2026-11-25T00:00:00"),
        ("0 0 0 * * 0", "2026-11-29T00:00:00"),
        ("30 15 8 * * *", "2026-11-24T08:15:30"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00"),
        ("0 0 0 1 * 5", "2026-11-27T00:00:00"),
        ("@every 6h", "2026-11-24T12:00:00"),
    ],
)
def test_next_time(expression: str, expected: str) -> None:
    moment = datetime(2026, 11, 24, 8, 15, 0, 500, tzinfo=UTC)
    assert parse(expression).after(moment) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize("expression", ["0 0 0 30 2 *", "0 0 0 31 2,4,6,9,11 ?", "0 0 0 31 feb */1"])
def test_a_day_that_never_comes_has_no_next_time(expression: str) -> None:
    assert not parse(expression).comes
    assert parse(expression).after(datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    "expression", ["0 0 0 29 2 *", "0 0 0 31 2-3 *", "0 0 0 30 2 MON", "0 0 0 * 2 MON", "@every 6h"]
)
def test_a_day_that_comes_has_one(expression: str) -> None:
    assert parse(expression).comes
    assert parse(expression).after(datetime(2026, 1, 1, tzinfo=UTC)) is not None
