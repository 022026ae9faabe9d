"""How long robots last."""

from datetime import UTC, datetime

import pytest

from app.core.errors import FieldInvalid
from app.robots.rules import NEVER, days_until, end_after, require_duration

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
START = int(SINCE.timestamp())


def test_days_from_creation() -> None:
    assert end_after(1, SINCE) == START + 86_400
    assert end_after(2**31 - 2, SINCE) == START + (2**31 - 2) * 86_400
    assert end_after(NEVER, SINCE) == NEVER


@pytest.mark.parametrize("days", [-1, 1, 2**31 - 2])
def test_durations(days: int) -> None:
    require_duration(days)


@pytest.mark.parametrize("days", [-2, 0, 2**31 - 1])
def test_durations_that_are_none(days: int) -> None:
    with pytest.raises(FieldInvalid):
        require_duration(days)


@pytest.mark.parametrize(("end", "days"), [(START + 1, 1), (START + 86_400, 1), (START + 86_401, 2)])
def test_ends_to_the_second_as_days(end: int, days: int) -> None:
    assert days_until(end, SINCE) == days


@pytest.mark.parametrize("end", [START, 0, -5, 2**60])
def test_ends_that_are_none(end: int) -> None:
    with pytest.raises(FieldInvalid):
        days_until(end, SINCE)
