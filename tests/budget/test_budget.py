"""A request takes no more statements, calls, bytecodes, memory and system calls than recorded.

When it takes more for a good reason, or fewer statements, ``make budget`` records that in the same change.
"""

import pytest

from tests.budget.baseline import Counts, counted, excesses, read


@pytest.fixture(scope="module")
def direct() -> list[Counts]:
    """What the application takes, and the statements when one more is planted."""
    return counted("direct")


def test_the_application_takes_no_more_than_recorded(direct: list[Counts]) -> None:
    assert excesses(read("direct"), direct[0]) == []


def test_a_planted_statement_is_noticed(direct: list[Counts]) -> None:
    found = excesses(read("direct"), direct[1])
    for row in ("manifest by digest", "manifest by tag", "blob", "tags", "small push"):
        assert any(line.startswith(f"{row}: ") and " statements instead of " in line for line in found), (row, found)


def test_a_live_server_makes_no_more_system_calls_than_recorded() -> None:
    """Beside other tests a server is interrupted and asks again, so the least of three runs counts."""
    recorded, found = read("live"), ["not counted"]
    for _ in range(3):
        found = excesses(recorded, counted("live")[0]) if found else found
    assert found == []


def test_more_is_told_and_less_is_not_but_of_statements() -> None:
    recorded = {"blob": {"statements": 2.0, "calls": 100.0}}
    assert excesses(recorded, {"blob": {"statements": 2.0, "calls": 105.0}}) == []
    assert excesses(recorded, {"blob": {"statements": 1.0, "calls": 50.0}}) == ["blob: 1 statements instead of 2"]
    assert excesses(recorded, {"blob": {"statements": 2.0, "calls": 106.0}}) == ["blob: 106 calls instead of 100"]
