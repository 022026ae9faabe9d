"""``python -m tests.bench``: PyHarbor and its peers measured side by side, in turns, on one disk."""

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.bench.api import run as api
from tests.bench.client import UnexpectedAnswer
from tests.bench.process_tree import Meter
from tests.bench.report import Results, failures, machine, markdown, plain, table, verdicts
from tests.bench.rows import Row, rows
from tests.bench.servers import servers
from tests.bench.subject import Sizes, Subject

_FULL = Sizes(seconds=3, layer=1024**3, images=100, tags=100_000, repositories=1000, referrers=1000)
_QUICK = Sizes(seconds=1, layer=256 * 1024**2, images=24, tags=10_000, repositories=200, referrers=100)
_REST_SECONDS = 1.0
"""For so long, before each measurement, is looked at what worker and Temporal use without one."""
_REPORT = Path(".reports/bench.md")
_API_REPORT = Path(".reports/bench-api.md")
_FAILED = (UnexpectedAnswer, OSError, httpx.HTTPError, subprocess.CalledProcessError, AssertionError)


def main() -> int:
    """Measure, print the table, write the report; 1 when a row could not be measured."""
    options = _options()
    if options.api:
        return _api(options)
    sizes = _QUICK if options.quick else _FULL
    wanted = [row for row in rows(sizes) if not options.rows or row.name in options.rows]
    with tempfile.TemporaryDirectory(prefix="pyharbor-bench-", dir=options.folder) as name:
        folder = Path(name)
        conditions = machine(folder)
        results = _measure(folder, options, sizes, wanted)
    conditions += [
        verdicts(results),
        f"{options.rounds} rounds in turns, medians, least and most in brackets; {sizes}",
        *(f"{server}: {version}" for server, version in results.versions.items()),
    ]
    lines = table(results, wanted)
    print(plain(lines))
    print("\n".join((verdicts(results), *failures(results))))
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(markdown(results, lines, conditions), encoding="utf-8")
    print(f"written to {options.report}")
    return 1 if results.failures else 0


def _api(options: argparse.Namespace) -> int:
    report = _API_REPORT if options.report == _REPORT else options.report
    with tempfile.TemporaryDirectory(prefix="pyharbor-bench-", dir=options.folder) as name:
        return api.run(Path(name), report, rounds=options.rounds, readme=options.readme, only=options.only)


def _options() -> argparse.Namespace:
    names = [row.name for row in rows(_FULL)]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these of: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="small sizes and short runs, noisy")
    parser.add_argument("--rounds", type=int, default=5, help="how often each row is measured on each server (5)")
    parser.add_argument("--server", action="append", default=[], help="only servers whose name holds this; repeatable")
    parser.add_argument("--folder", default=os.environ.get("TMPDIR"), help="where the servers keep their files")
    parser.add_argument("--api", action="store_true", help="only the management API, on SQLite and PostgreSQL")
    parser.add_argument("--only", action="append", default=[], help="with --api: only rows whose title holds this")
    parser.add_argument("--readme", action="store_true", help="with --api: write its table into tests/bench/README.md")
    parser.add_argument("--report", type=Path, default=_REPORT, help=f"where the report goes ({_REPORT})")
    options = parser.parse_args()
    if unknown := sorted(set(options.rows) - set(names)):
        parser.error(f"no row {', '.join(unknown)}; there are {', '.join(names)}")
    return options


def _measure(folder: Path, options: argparse.Namespace, sizes: Sizes, wanted: list[Row]) -> Results:
    makers = servers(folder)
    results = Results()
    with ExitStack() as stack:
        subjects = []
        for name, make in makers.items():
            if options.server and not any(part in name for part in options.server):
                continue
            server = make()
            subject = Subject(server=server, sizes=sizes, meter=Meter(processes=server.processes))
            if _started(subject, results, stack):
                subjects.append(subject)
        results.versions = {subject.server.name: subject.server.version() for subject in subjects}
        for row in wanted:
            able = [subject for subject in subjects if subject.server.ours or row.peers]
            for number in range(options.rounds):
                turn = number % (len(able) or 1)
                for subject in able[turn:] + able[:turn]:
                    _run(row, subject, results, f"{number + 1}/{options.rounds}")
    return results


def _started(subject: Subject, results: Results, stack: ExitStack) -> bool:
    _say("starting", subject.server.name)
    stack.callback(subject.server.stop)
    try:
        subject.server.start()
        subject.prepare()
    except _FAILED as error:
        results.failures["start", subject.server.name] = str(error)
        return False
    return True


def _run(row: Row, subject: Subject, results: Results, round_name: str) -> None:
    server = subject.server.name
    if (row.name, server) in results.failures:
        return
    os.sync()
    try:
        subject.meter.rest(_REST_SECONDS)
        figures = row.measure(subject)
    except _FAILED as error:
        results.failures[row.name, server] = f"{type(error).__name__}: {error}"
        _say(row.title, server, round_name, f"failed: {error}")
        return
    for metric, value in figures.items():
        results.figures.setdefault((row.name, metric, server), []).append(value)
    shown = ", ".join(f"{value:.4g} {metric}" for metric, value in figures.items())
    _say(row.title, server, round_name, shown)


def _say(*parts: str) -> None:
    print(" | ".join(parts), file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
