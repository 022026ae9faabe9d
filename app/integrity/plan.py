"""Which blobs a check reads, and how far it is: plain values that are kept with its execution."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from app.core.parsing import share


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The blobs up to ``last``: ``wanted`` of the ``total`` there are, evenly spread, from a random ``start`` on."""

    last: int
    total: int
    wanted: int
    start: int

    def includes(self, position: int) -> bool:
        """Whether the blob at ``position``, counted from 0 by growing id, is one of those to read."""
        if not self.total:
            return False
        before, after = (at * self.wanted + self.start for at in (position, position + 1))
        return before // self.total != after // self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """A blob that is read in several slices: the hash of its first ``offset`` bytes stands at ``state``."""

    blob_id: int
    key: str
    offset: int
    state: str
    """Hexadecimal; empty at offset 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """How far a check is: done with everything up to ``cursor``, which is the blob before ``position``."""

    plan: Plan
    cursor: int = 0
    position: int = 0
    told: int = 0
    """Damaged and unreadable blobs that have a line in the log."""
    partial: Partial | None = None

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.cursor >= self.plan.last

    @classmethod
    def from_row(cls, kept: Mapping[str, Any]) -> Self | None:
        """The point that ``row`` made; None when there is none yet."""
        if not kept:
            return None
        partial = kept["partial"]
        values = {**kept, "plan": Plan(**kept["plan"]), "partial": Partial(**partial) if partial else None}
        return cls(**values)

    def row(self) -> dict[str, Any]:
        """The same as a JSON document."""
        return asdict(self)


def sample_size(sample: str, total: int) -> int:
    """How many of ``total`` blobs a sample is: a part is rounded up, a number is at most all."""
    if not sample:
        return total
    part = share(sample)
    return min(total, part) if isinstance(part, int) else -(-total * part.numerator // part.denominator)
