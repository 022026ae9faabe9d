"""The results as a table, for the terminal and as Markdown."""

import math
import os
import platform
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.metrics import Metric
from tests.bench.rows import Row
from tests.bench.servers import OURS, OURS_ON_POSTGRESQL, STATE_OF_THE_ART
from tests.bench.targets import TARGETS, Target

_SMALL = 10
_MEDIUM = 100
_PAIRS = ((OURS, STATE_OF_THE_ART), (OURS, "distribution 2.8"), (OURS_ON_POSTGRESQL, STATE_OF_THE_ART))
"""Whose ratios are shown."""


@dataclass(slots=True, kw_only=True)
class Results:
    """Every figure of every round; ``failures`` say which row of which server could not be measured."""

    versions: dict[str, str] = field(default_factory=dict)
    """By server, in the order of the columns."""
    figures: dict[tuple[str, Metric, str], list[float]] = field(default_factory=dict)
    """By row, metric and server."""
    failures: dict[tuple[str, str], str] = field(default_factory=dict)

    def of(self, row: str, metric: Metric, server: str) -> list[float]:
        """The rounds' figures."""
        return self.figures.get((row, metric, server), [])

    def ratio(self, row: str, metric: Metric, ours: str, peer: str) -> float | None:
        """Of the medians, ours divided by the peer's; None when one of them is missing or nothing."""
        values, theirs = self.of(row, metric, ours), self.of(row, metric, peer)
        if not values or not theirs or math.isclose(statistics.median(theirs), 0):
            return None
        return statistics.median(values) / statistics.median(theirs)

    def metrics(self, row: str) -> list[Metric]:
        """What was measured in a row."""
        measured = {metric for name, metric, _ in self.figures if name == row}
        return [metric for metric in Metric if metric in measured]


def table(results: Results, rows: Iterable[Row]) -> list[list[str]]:
    """Header and lines: row, figure, median (least to most) of each server, ratios of ours to peers, targets."""
    pairs = [(ours, peer) for ours, peer in _PAIRS if {ours, peer} <= results.versions.keys()]
    names = (f"{ours.rpartition(' ')[2]} / {peer.rpartition(' ')[2]}" for ours, peer in pairs)
    lines = [["row", "figure", *results.versions, *names, "target"]]
    for row in rows:
        title = row.title
        for metric in results.metrics(row.name):
            cells = [_cell(results.of(row.name, metric, server)) for server in results.versions]
            ratios = [_shown(results.ratio(row.name, metric, *pair)) for pair in pairs]
            lines.append([title, metric, *cells, *ratios, "; ".join(_verdicts(results, row.name, metric))])
            title = ""
    return lines


def verdicts(results: Results) -> str:
    """How many targets are met, and which are not."""
    judged = [
        (target, target.verdict(_value(results, target)))
        for target in TARGETS
        if results.of(target.row, target.metric, target.server)
    ]
    missed = [f"{target.row} {target.metric} {verdict}" for target, verdict in judged if not verdict.endswith(": met")]
    return f"{len(judged) - len(missed)} of {len(judged)} targets met" + "".join(f"; {line}" for line in missed)


def plain(lines: Sequence[Sequence[str]]) -> str:
    """The table for a terminal."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = (
        [cell.ljust(width) if number < 2 else cell.rjust(width) for number, (cell, width) in enumerate(cells)]
        for cells in (list(zip(line, widths, strict=True)) for line in lines)
    )
    return "\n".join("  ".join(line).rstrip() for line in padded)


def markdown(results: Results, lines: Sequence[Sequence[str]], conditions: Sequence[str]) -> str:
    """The table with the conditions it was measured under."""
    head = "| " + " | ".join(lines[0]) + " |\n|" + "---|---|" + "--:|" * (len(lines[0]) - 2)
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines[1:])
    parts = ["# Measured beside other registries", "\n".join(f"- {line}" for line in conditions), f"{head}\n{body}"]
    if results.failures:
        parts.append("Not measured:\n\n" + "\n".join(f"- {line}" for line in failures(results)))
    return "\n\n".join(parts) + "\n"


def failures(results: Results) -> list[str]:
    """One sentence for each row that a server failed in."""
    return [f"{row} on {server}: {reason}" for (row, server), reason in results.failures.items()]


def machine(folder: Path) -> list[str]:
    """What this was measured on."""
    model = _processor()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    load = os.getloadavg()[0]
    parts = (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, {_file_system(folder)}",
        f"Linux {platform.release()}, Python {platform.python_version()}",
        f"load average {load:.1f} at the start",
    )
    return ["; ".join(parts)]


def _processor() -> str:
    """Its model's name, and its numbers, as virtual machines hide the name; whether it has instructions for SHA."""
    lines = (line.partition(":") for line in _lines("/proc/cpuinfo"))
    facts = {name.strip(): value.strip() for name, _, value in lines}
    name = facts.get("model name", platform.machine())
    numbers = [f"{part} {facts[part]}" for part in ("cpu family", "model", "stepping") if part in facts]
    flags = facts.get("flags", facts.get("Features", "")).split()
    sha = "SHA instructions" if {"sha_ni", "sha2"} & set(flags) else "no SHA instructions"
    return ", ".join((name, *numbers, sha))


def commit() -> str:
    """The working tree's commit."""
    shown = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or "unknown"


def _file_system(folder: Path) -> str:
    mounts = sorted((line.split()[:3] for line in _lines("/proc/self/mounts")), key=lambda mount: len(mount[1]))
    path = str(folder.resolve())
    return next(kind for _, place, kind in reversed(mounts) if path.startswith(place))


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def _cell(values: Sequence[float]) -> str:
    if not values:
        return "-"
    median = number(statistics.median(values))
    return median if len(values) == 1 else f"{median} ({number(min(values))} - {number(max(values))})"


def _shown(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}"


def _verdicts(results: Results, row: str, metric: Metric) -> list[str]:
    return [
        target.verdict(_value(results, target))
        for target in TARGETS
        if (target.row, target.metric) == (row, metric) and target.server in results.versions
    ]


def _value(results: Results, target: Target) -> float | None:
    if target.absolute:
        values = results.of(target.row, target.metric, target.server)
        return statistics.median(values) if values else None
    return results.ratio(target.row, target.metric, target.server, STATE_OF_THE_ART)


def number(value: float) -> str:
    """A figure with as many digits as it deserves."""
    if value < _SMALL:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < _MEDIUM else f"{value:,.0f}"
