"""Measures the management API on both databases, prints the table and writes it where it is wanted."""

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.api.content_rows import content_rows
from tests.bench.api.rows import CALLS, Row, Unit, rows
from tests.bench.api.scene import Scene, scene
from tests.bench.report import commit, machine, number, plain
from tests.support.postgres import cluster

README: Final = Path("tests/bench/README.md")
_BEGIN: Final = "<!-- written by --api --readme -->\n"
_END: Final = "<!-- end -->\n"
_DATABASES: Final = ("SQLite", "PostgreSQL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row's medians on one database."""

    tenth: float
    whole: float

    @property
    def growth(self) -> str:
        """How many times the whole is the tenth."""
        return f"{self.whole / self.tenth:.1f}" if self.tenth > 0 else "-"


Figures = Mapping[str, Mapping[str, Figure]]
"""Database -> title of the row -> figure."""


def run(folder: Path, report: Path, *, rounds: int, readme: bool, only: Sequence[str] = ()) -> int:
    """Measure, print, write; 1 when a figure misses its goal. ``only`` names parts of the titles of wanted rows."""
    conditions, wanted = machine(folder), [row for row in (*rows(), *content_rows()) if _named(row, only)]
    figures: dict[str, dict[str, Figure]] = {}
    for name in _DATABASES:
        with _database(name, folder / name) as url, scene(folder / name, url) as running:
            figures[name] = _measured(name, running, wanted, rounds)
    lines = _table(wanted, figures)
    print(plain(lines))
    conditions.append(
        f"commit {commit()}; two gunicorn workers of 16 threads, access log, audit and fsync on; medians of {rounds}"
        f" rounds of {CALLS} calls on one kept-alive connection; growth is from a tenth of the size"
    )
    text = _markdown(lines, conditions)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(text, encoding="utf-8")
    if readme:
        _into_readme(text)
    print(f"written to {report}" + (f" and {README}" if readme else ""))
    return 0 if all(row.met(figures[name][row.title].whole) for row in wanted for name in _DATABASES) else 1


def _named(row: Row, only: Sequence[str]) -> bool:
    return not only or any(part in row.title for part in only)


@contextmanager
def _database(name: str, folder: Path) -> Iterator[str]:
    """The URL of an empty database that waits for the disk."""
    folder.mkdir(parents=True)
    if name == _DATABASES[0]:
        yield f"sqlite:///{folder}/pyharbor.db"
        return
    with cluster(durable=True) as server:
        yield server.url(server.create())


def _measured(name: str, running: Scene, wanted: Sequence[Row], rounds: int) -> dict[str, Figure]:
    """Every row at both of its sizes, while the installation grows."""
    tenths: dict[str, float] = {}
    figures: dict[str, Figure] = {}
    for size in sorted({size for row in wanted for size in row.sizes}, key=lambda size: size.projects):
        running.grow(size)
        for row in wanted:
            if size not in row.sizes:
                continue
            value = statistics.median(row.measure(running, size) for _ in range(rounds))
            print(f"{name} | {size} | {row.title} | {value:.4g} {row.unit}", file=sys.stderr, flush=True)
            if size == row.sizes[0]:
                tenths[row.title] = value
            else:
                figures[row.title] = Figure(tenth=tenths[row.title], whole=value)
    return figures


def _table(wanted: Sequence[Row], figures: Figures) -> list[list[str]]:
    columns = [f"{name}{what}" for name in _DATABASES for what in (", a tenth", "", ", growth")]
    lines = [["row, ms unless said otherwise", "wanted", "Harbor", *columns]]
    for row in wanted:
        sign = ">" if row.unit is Unit.PER_SECOND else "<"
        cells = [row.title, f"{sign} {row.goal:g}", "-" if row.harbor is None else number(row.harbor)]
        for name in _DATABASES:
            figure = figures[name][row.title]
            missed = "" if row.met(figure.whole) else " (missed)"
            cells += [number(figure.tenth), number(figure.whole) + missed, figure.growth]
        lines.append(cells)
    return lines


def _markdown(lines: Sequence[Sequence[str]], conditions: Sequence[str]) -> str:
    head = "| " + " | ".join(lines[0]) + " |\n|---|" + "--:|" * (len(lines[0]) - 1)
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines[1:])
    return "\n".join(f"- {line}" for line in conditions) + f"\n\n{head}\n{body}\n"


def _into_readme(text: str) -> None:
    before, _, rest = README.read_text(encoding="utf-8").partition(_BEGIN)
    README.write_text(f"{before}{_BEGIN}{text}{_END}{rest.partition(_END)[2]}", encoding="utf-8")
