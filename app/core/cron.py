"""Parse Harbor's cron expressions: second minute hour day month weekday, or ``@daily``, ``@every 6h``."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from app.core.errors import FieldInvalid

_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MACROS: Final = {
    "@yearly": "0 0 0 1 1 *",
    "@annually": "0 0 0 1 1 *",
    "@monthly": "0 0 0 1 * *",
    "@weekly": "0 0 0 * * 0",
    "@daily": "0 0 0 * * *",
    "@midnight": "0 0 0 * * *",
    "@hourly": "0 0 * * * *",
}
_EVERY: Final = re.compile(r"@every ((?:[0-9]{1,9}[hms])+)")
_COUNT: Final = re.compile(r"[0-9]{1,9}")
_UNITS: Final = {"h": 3600, "m": 60, "s": 1}
_EXPECTED: Final = "six fields (second minute hour day month weekday), five without the second, @daily or @every 6h"
_SEARCHED_DAYS: Final = 366 * 8
_LONGEST_SECONDS: Final = 100 * 366 * 86_400
_CLASSIC_FIELDS: Final = 5
_LONGEST_TEXT: Final = 128
_DAYS_IN: Final = (0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_ALL: Final = frozenset({"*", "?", "*/1", "?/1"})


@dataclass(frozen=True, slots=True)
class _Unit:
    """A field of a cron expression: its name, its bounds, and the words for its numbers."""

    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()


_UNITS_IN_ORDER: Final = (
    _Unit("second", 0, 59),
    _Unit("minute", 0, 59),
    _Unit("hour", 0, 23),
    _Unit("day", 1, 31),
    _Unit("month", 1, 12, ("", *_MONTHS)),
    _Unit("weekday", 0, 6, _WEEKDAYS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cron:
    """A valid expression; all times are UTC."""

    text: str
    every: timedelta | None = None
    fields: tuple[tuple[int, ...], ...] = ()
    """The values of each field in order; empty for ``@every``."""
    any_day: bool = True
    any_weekday: bool = True

    @property
    def comes(self) -> bool:
        """Whether the expression has any time at all; 30 February has none."""
        if self.every is not None or not self.any_weekday:
            return True
        _, _, _, days, months, _ = self.fields
        return min(days) <= max(_DAYS_IN[month] for month in months)

    @property
    def temporal(self) -> tuple[str, ...]:
        """The expression in Temporal's form: lines of seven fields that must all match; day-or-weekday takes two."""
        if self.every is not None:
            return (f"@every {int(self.every.total_seconds())}s",)
        second, minute, hour, day, month, weekday = (
            _written(field, unit) for field, unit in zip(self.fields, _UNITS_IN_ORDER, strict=True)
        )
        if self.any_day or self.any_weekday:
            return (f"{second} {minute} {hour} {day} {month} {weekday} *",)
        return (f"{second} {minute} {hour} {day} {month} * *", f"{second} {minute} {hour} * {month} {weekday} *")

    def after(self, moment: datetime) -> datetime | None:
        """Return the first time strictly after ``moment``; None when there is none."""
        start = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        if self.every is not None:
            return _aligned(start, self.every)
        for ahead in range(_SEARCHED_DAYS):
            day = start.replace(hour=0, minute=0, second=0) + timedelta(days=ahead)
            if self._falls_on(day):
                time = self._in_day_or_none(day, start)
                if time is not None:
                    return time
        return None

    def _falls_on(self, day: datetime) -> bool:
        _, _, _, days, months, weekdays = self.fields
        if day.month not in months:
            return False
        by_day, by_weekday = day.day in days, day.isoweekday() % 7 in weekdays
        if self.any_day or self.any_weekday:
            return by_day and by_weekday
        return by_day or by_weekday

    def _in_day_or_none(self, day: datetime, start: datetime) -> datetime | None:
        seconds, minutes, hours, *_ = self.fields
        times = (
            day.replace(hour=hour, minute=minute, second=second)
            for hour in hours
            for minute in minutes
            for second in seconds
        )
        return next((time for time in times if time >= start), None)


def parse(text: str, field: str = "cron") -> Cron:
    """Parse an expression; FieldInvalid names ``field`` and says what it must be."""
    stripped = text.strip()
    if len(stripped) > _LONGEST_TEXT:
        raise FieldInvalid(field, f"a cron of at most {_LONGEST_TEXT} characters")
    every = _EVERY.fullmatch(stripped)
    if every:
        return _every(stripped, every[1], field)
    parts = _MACROS.get(stripped, stripped).split()
    if len(parts) == _CLASSIC_FIELDS:
        parts.insert(0, "0")
    if len(parts) != len(_UNITS_IN_ORDER):
        raise FieldInvalid(field, _EXPECTED)
    return Cron(
        text=stripped,
        fields=tuple(_values(part, unit, field) for part, unit in zip(parts, _UNITS_IN_ORDER, strict=True)),
        any_day=not _ALL.isdisjoint(parts[3].split(",")),
        any_weekday=not _ALL.isdisjoint(parts[5].split(",")),
    )


def _every(text: str, duration: str, field: str) -> Cron:
    seconds = sum(int(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9]+)([hms])", duration))
    if not 1 <= seconds <= _LONGEST_SECONDS:
        raise FieldInvalid(field, "an interval of at least one second and at most a hundred years")
    return Cron(text=text, every=timedelta(seconds=seconds))


def _values(part: str, unit: _Unit, field: str) -> tuple[int, ...]:
    values: set[int] = set()
    for item in part.split(","):
        values.update(_range(item, unit, field))
    return tuple(sorted(values))


def _range(item: str, unit: _Unit, field: str) -> range:
    span, slash, step = item.partition("/")
    low, dash, high = span.partition("-")
    if span in ("*", "?"):
        first, last = unit.low, unit.high
    else:
        first = _number(low, unit, field)
        last = _number(high, unit, field) if dash else unit.high if slash else first
    if first > last or (slash and not (_COUNT.fullmatch(step) and int(step) > 0)):
        raise FieldInvalid(field, f"a cron whose {unit.name} is a value, a range or a step, not {item[:40]!r}")
    return range(first, last + 1, int(step) if slash else 1)


def _number(text: str, unit: _Unit, field: str) -> int:
    if text and text.upper() in unit.words:
        return unit.words.index(text.upper())
    if _COUNT.fullmatch(text) and unit.low <= int(text) <= unit.high:
        return int(text)
    raise FieldInvalid(field, f"a cron whose {unit.name} is from {unit.low} to {unit.high}, not {text[:40]!r}")


def _written(values: tuple[int, ...], unit: _Unit) -> str:
    if len(values) == unit.high - unit.low + 1:
        return "*"
    return ",".join(map(str, values))


def _aligned(start: datetime, every: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return epoch + -((epoch - start) // every) * every
