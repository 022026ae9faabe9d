"""What is measured, in which unit."""

from collections.abc import Sequence
from enum import StrEnum


class Metric(StrEnum):
    """A figure of a row; the value is its name in the report, where they come in this order."""

    RATE = "requests/s"
    MS = "median ms"
    SECONDS = "seconds"
    PATCH_SECONDS = "of these until the PATCH's answer"
    GIB_PER_SECOND = "GiB/s"
    IMAGES_PER_SECOND = "images/s"
    CPU_US = "CPU µs/request"
    CPU_MS = "CPU ms each"
    CPU_PER_GIB = "CPU s/GiB"
    CPU_PER_SECOND = "CPU ms per s"
    CPU_WEB = "of these web"
    CPU_CARRIERS = "of these supervisor and log"
    CPU_BACKGROUND = "of these worker and Temporal, above idle"
    CPU_DATABASE = "of these PostgreSQL, above idle"
    P99 = "p99 ms"
    PEAK_MIB = "peak private MiB, web"
    IDLE_MIB = "private MiB, serving processes"
    IDLE_CPU = "CPU ms per s, serving processes"
    OTHER_MIB = "private MiB, worker, Temporal, database"
    OTHER_CPU = "CPU ms per s, worker, Temporal, database"


Figures = dict[Metric, float]


def p99(values: Sequence[float]) -> float:
    """What all but one of a hundred are at most."""
    return sorted(values)[max(0, int(len(values) * 0.99) - 1)]
