"""Run the OCI conformance program against whole installations: each database, each profile, authentication on.

``python -m tests.conformance.run --junit-xml=.reports/conformance.xml``; the exit code is 1 when a case failed, or was
skipped for what the registry answered. What each run printed and reported stays under ``.reports/conformance``.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import httpx

from tests.conformance.verdicts import Case, Outcome, Verdict, read
from tests.support.instance import PASSWORD, Instance, running
from tests.support.postgres import Cluster, cluster

DATABASES = ("sqlite", "postgresql")
PROFILES = ("1.1", "dev")
_LEAST_CASES = {"1.1": 680, "dev": 770}
"""A run with fewer cases did not get to the end."""
_PROJECTS = ("conformance-source", "conformance-target")
_REPORTS = Path(__file__).parents[2] / ".reports" / "conformance"
_PATIENCE_SECONDS = 600
_SHOWN_FAILURES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the program: where, with which outcome, or why there is none."""

    database: str
    profile: str
    seconds: float
    outcome: Outcome | None
    problem: str = ""

    @property
    def name(self) -> str:
        """The run's name in reports."""
        return f"conformance.{self.database}.{self.profile}"

    @property
    def good(self) -> bool:
        """Whether all cases were run and none failed or was skipped for what the registry answered."""
        if self.outcome is None or self.problem:
            return False
        return not self.outcome.count(Verdict.FAILED) and not self.outcome.count(Verdict.SKIPPED)


def main() -> int:
    """Run what the command line asks for and return the exit code."""
    arguments = _arguments()
    program = os.environ.get("PYHARBOR_CONFORMANCE_BIN")
    if not program:
        print("set PYHARBOR_CONFORMANCE_BIN to what 'deploy/tools/go-tool.sh conformance' prints", file=sys.stderr)
        return 1
    runs = []
    for database in arguments.database:
        for profile in arguments.profile:
            print(f"profile {profile} on {database} …", flush=True)
            runs.append(_run(program, database, profile))
    _print(runs)
    if arguments.junit_xml:
        _write(runs, arguments.junit_xml)
    return 0 if all(run.good for run in runs) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.run", description=__doc__)
    parser.add_argument("--junit-xml", type=Path, help="where to write one report of all runs")
    parser.add_argument("--database", action="append", choices=DATABASES, help="only this one; may be repeated")
    parser.add_argument("--profile", action="append", choices=PROFILES, help="only this one; may be repeated")
    arguments = parser.parse_args()
    arguments.database = arguments.database or list(DATABASES)
    arguments.profile = arguments.profile or list(PROFILES)
    return arguments


def _run(program: str, database: str, profile: str) -> Run:
    reports = _REPORTS / f"{database}-{profile}"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir(parents=True)
    started = time.monotonic()
    outcome, problem = None, ""
    try:
        with _installation(database, reports) as instance:
            _prepare(instance)
            outcome, problem = _judge(program, instance, profile, reports)
    except (AssertionError, OSError, RuntimeError, subprocess.SubprocessError) as error:
        problem = f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    return Run(database=database, profile=profile, seconds=seconds, outcome=outcome, problem=problem)


@contextmanager
def _installation(database: str, reports: Path) -> Iterator[Instance]:
    with tempfile.TemporaryDirectory(prefix="pyharbor-conformance-") as folder:
        data = Path(folder) / "data"
        try:
            if database == "sqlite":
                with running(data) as instance:
                    yield instance
            else:
                with _postgresql() as url, running(data, HARBOR_DATABASE_URL=url) as instance:
                    yield instance
        finally:
            log = data.with_name("data.log")
            if log.exists():
                shutil.copyfile(log, reports / "server.log")


@contextmanager
def _postgresql() -> Iterator[str]:
    server: Cluster
    with cluster() as server:
        yield server.url(server.create())


def _prepare(instance: Instance) -> None:
    with instance.client() as client:
        challenge = httpx.get(f"{instance.url}/v2/").headers.get("www-authenticate", "")
        assert challenge.startswith("Bearer "), f"authentication is not on: /v2/ challenges with {challenge!r}"
        for project in _PROJECTS:
            answer = client.post("/api/v2.0/projects", json={"project_name": project, "metadata": {"public": "false"}})
            assert answer.status_code == 201, f"project {project}: {answer.status_code} {answer.text}"


def _judge(program: str, instance: Instance, profile: str, reports: Path) -> tuple[Outcome, str]:
    variables = {
        "OCI_REGISTRY": instance.host,
        "OCI_TLS": "disabled",
        "OCI_REPO1": f"{_PROJECTS[0]}/library/first",
        "OCI_REPO2": f"{_PROJECTS[1]}/second",
        "OCI_USERNAME": "admin",
        "OCI_PASSWORD": PASSWORD,
        "OCI_VERSION": profile,
        # Its token is for one repository, and a mount that names no source takes only from where the token reaches.
        "OCI_API_BLOBS_MOUNT_ANONYMOUS": "false",
        "OCI_RESULTS_DIR": str(reports),
    }
    others = {name: value for name, value in os.environ.items() if not name.startswith("OCI_")}
    done = subprocess.run(
        [program],
        cwd=reports,
        env=others | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_SECONDS,
    )
    (reports / "output.txt").write_text(done.stdout + done.stderr, encoding="utf-8")
    outcome = read(reports, done.stdout)
    if len(outcome.cases) < _LEAST_CASES[profile]:
        return outcome, f"only {len(outcome.cases)} cases were run, {_LEAST_CASES[profile]} are the least"
    if done.returncode and not outcome.count(Verdict.FAILED) and not outcome.count(Verdict.SKIPPED):
        return outcome, f"the program ended with {done.returncode}: {done.stderr[-500:]}"
    return outcome, ""


def _print(runs: list[Run]) -> None:
    print(f"\n{'database':<12}{'profile':<9}{'passed':>8}{'failed':>8}{'skipped':>9}{'disabled':>10}{'seconds':>9}")
    for run in runs:
        counts = [run.outcome.totals[verdict] if run.outcome else 0 for verdict in Verdict]
        passed, failed, skipped, disabled = counts
        print(
            f"{run.database:<12}{run.profile:<9}{passed:>8}{failed:>8}{skipped:>9}{disabled:>10}{run.seconds:>9.0f}"
            f"{'' if run.good else '  NOT GOOD'}"
        )
    for run in runs:
        if run.problem:
            print(f"\n{run.name}: {run.problem}")
        for case in _bad(run)[:_SHOWN_FAILURES]:
            print(f"\n{run.name} {case.verdict}: {case.name}\n  {case.reason[:600]}")
    print(f"\nreports: {_REPORTS}", flush=True)


def _bad(run: Run) -> list[Case]:
    cases = run.outcome.cases if run.outcome else ()
    return [case for case in cases if case.verdict in {Verdict.FAILED, Verdict.SKIPPED}]


def _write(runs: list[Run], path: Path) -> None:
    suites = ET.Element("testsuites", name="conformance")
    for run in runs:
        _write_run(ET.SubElement(suites, "testsuite", name=run.name, time=f"{run.seconds:.3f}"), run)
    ET.indent(suites)
    path.parent.mkdir(parents=True, exist_ok=True)
    ET.ElementTree(suites).write(path, encoding="utf-8", xml_declaration=True)


def _write_run(suite: ET.Element, run: Run) -> None:
    """Write the cases; disabled ones are left out, because a profile does not have them, and a skip is a failure."""
    cases = [case for case in (run.outcome.cases if run.outcome else ()) if case.verdict is not Verdict.DISABLED]
    for case in cases:
        element = ET.SubElement(suite, "testcase", classname=run.name, name=case.name, time=f"{case.seconds:.3f}")
        if case.verdict is not Verdict.PASSED:
            ET.SubElement(element, "failure", message=str(case.verdict)).text = _printable(case.reason)
    whole = ET.SubElement(suite, "testcase", classname=run.name, name="the whole run")
    if not run.good:
        ET.SubElement(whole, "failure", message=_printable(run.problem) or "cases failed or were skipped")
    suite.set("tests", str(len(cases) + 1))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() or character == "\n" else "?" for character in text)


if __name__ == "__main__":
    sys.exit(main())
