"""What is measured, in which unit."""

from enum import StrEnum


class Metric(StrEnum):
    """A figure of a row; the value is its name in the report."""

    RATE = "requests/s"
    CPU_US = "CPU µs/request"
    P99 = "p99 ms"
    MS = "median ms"
    CPU_MS = "CPU ms each"
    SECONDS = "seconds"
    PATCH_SECONDS = "of these until the PATCH's answer"
    CPU_PER_GIB = "CPU s/GiB"
    GIB_PER_SECOND = "GiB/s"
    PEAK_MIB = "peak private MiB"
    IMAGES_PER_SECOND = "images/s"
    IDLE_MIB = "private MiB, serving processes"
    OTHER_MIB = "private MiB, worker and Temporal"
    IDLE_CPU = "CPU ms per s, serving processes"
    OTHER_CPU = "CPU ms per s, worker and Temporal"


Figures = dict[Metric, float]

MORE_IS_BETTER = frozenset({Metric.RATE, Metric.GIB_PER_SECOND, Metric.IMAGES_PER_SECOND})
