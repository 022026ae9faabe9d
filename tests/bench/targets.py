"""What the product promises itself, row by row; the report says of each whether it is met."""

from dataclasses import dataclass
from typing import Final

from tests.bench.metrics import Metric
from tests.bench.servers import OURS, OURS_ON_POSTGRESQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A bound of a row's figure: of its ratio to the state of the art, or of the figure itself."""

    row: str
    metric: Metric
    bound: float
    at_least: bool = False
    absolute: bool = False
    server: str = OURS

    def verdict(self, value: float | None) -> str:
        """The target and whether the value meets it, as the report shows it."""
        sign = ">=" if self.at_least else "<="
        who = "" if self.server == OURS else f"{self.server.rpartition(' ')[2]} "
        if value is None:
            return f"{who}{sign} {self.bound:g}: not measured"
        met = value >= self.bound if self.at_least else value <= self.bound
        return f"{who}{sign} {self.bound:g}: {'met' if met else 'missed'}"


def _small(row: str, cpu: float) -> tuple[Target, ...]:
    return (
        Target(row=row, metric=Metric.CPU_US, bound=cpu),
        Target(row=row, metric=Metric.RATE, bound=2.0, at_least=True),
    )


def _large(row: str, cpu: float) -> tuple[Target, ...]:
    return (
        Target(row=row, metric=Metric.CPU_PER_GIB, bound=cpu),
        Target(row=row, metric=Metric.SECONDS, bound=0.65),
    )


TARGETS: Final = (
    *_small("digest-anonymous", 0.40),
    *_small("digest-user", 0.40),
    *_small("tag", 0.40),
    Target(row="blob", metric=Metric.CPU_US, bound=0.12),
    Target(row="ping", metric=Metric.CPU_US, bound=0.9),
    Target(row="token-get", metric=Metric.MS, bound=2.0, absolute=True),
    Target(row="token-post", metric=Metric.MS, bound=2.0, absolute=True),
    *_large("push", 0.65),
    *_large("push-length", 0.65),
    *_large("pull", 0.25),
    Target(row="pullers", metric=Metric.CPU_PER_GIB, bound=0.35),
    Target(row="pullers", metric=Metric.PEAK_MIB, bound=0.15),
    Target(row="images", metric=Metric.CPU_MS, bound=1.0),
    Target(row="images", metric=Metric.MS, bound=0.7),
    Target(row="images-8", metric=Metric.CPU_MS, bound=1.0),
    Target(row="images-8", metric=Metric.IMAGES_PER_SECOND, bound=1.3, at_least=True),
    Target(row="polls", metric=Metric.P99, bound=0.8),
    Target(row="digest-anonymous", metric=Metric.CPU_US, bound=1.0, server=OURS_ON_POSTGRESQL),
)
