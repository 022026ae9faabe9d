"""The plan and the resume point of a storage check: plain values, stored in the execution row."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from app.core.parsing import share


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The blobs to read: ``wanted`` of the ``total`` with ids up to ``last``, evenly spread from a random ``start``."""

    last: int
    total: int
    wanted: int
    start: int

    def includes(self, position: int) -> bool:
        """Tell whether to read the blob at ``position``, counted from 0 in the order of ids."""
        if not self.total:
            return False
        before, after = (at * self.wanted + self.start for at in (position, position + 1))
        return before // self.total != after // self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """A blob read in part: ``state`` is the hash state after its first ``offset`` bytes."""

    blob_id: int
    key: str
    offset: int
    state: str
    """Hexadecimal; empty at offset 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The resume point: all blobs with ids up to ``cursor`` are done; the next one is at ``position``."""

    plan: Plan
    cursor: int = 0
    position: int = 0
    told: int = 0
    """How many damaged and unreadable blobs were logged."""
    partial: Partial | None = None

    @property
    def done(self) -> bool:
        """Whether no blob is left to read."""
        return self.cursor >= self.plan.last

    @classmethod
    def from_row(cls, kept: Mapping[str, Any]) -> Self | None:
        """Return the point from its stored form; None when none is stored yet."""
        if not kept:
            return None
        partial = kept["partial"]
        values = {**kept, "plan": Plan(**kept["plan"]), "partial": Partial(**partial) if partial else None}
        return cls(**values)

    def row(self) -> dict[str, Any]:
        """Return the form in which the point is stored, a JSON document."""
        return asdict(self)


def sample_size(sample: str, total: int) -> int:
    """Return how many of ``total`` blobs a sample is: a percentage is rounded up, a number is limited to ``total``."""
    if not sample:
        return total
    size = share(sample)
    return min(total, size) if isinstance(size, int) else -(-total * size.numerator // size.denominator)
