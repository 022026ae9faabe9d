"""A clock that tests can move forward."""

from datetime import UTC, datetime, timedelta


class MovableClock:
    """The machine's clock, as far ahead as the test moved it; the database's own clock does not follow."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        """The current time, aware and in UTC."""
        return datetime.now(UTC) + self._ahead

    def forward(self, seconds: float) -> None:
        """Let that much time pass."""
        self._ahead += timedelta(seconds=seconds)
