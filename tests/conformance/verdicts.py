"""What one run of the OCI conformance program says, case by case."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree import ElementTree as ET

_WALK = re.compile(r"^\s*(?P<name>OCI Conformance Test.*): (?P<status>[A-Za-z]+)$", re.MULTILINE)


class Verdict(StrEnum):
    """The outcome of a case."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The program gave the case up because of what the registry answered."""
    DISABLED = "disabled"
    """The program's own profile leaves the case out, whatever the registry is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One leaf of the program's tree of tests."""

    name: str
    verdict: Verdict
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All cases of a run; ``totals`` are the program's own, which count the inner nodes of its tree too."""

    cases: tuple[Case, ...]
    totals: dict[Verdict, int]

    def count(self, verdict: Verdict) -> int:
        """How often a verdict was given, by the leaves or by the program's own totals, whichever is more."""
        return max(self.totals[verdict], sum(case.verdict is verdict for case in self.cases))


def read(folder: Path, printed: str) -> Outcome:
    """Read ``junit.xml`` of a results folder together with what the program printed.

    The report calls a case "skipped" both when the profile switched it off and when the registry did not do what it
    needs; only the printed tree tells ``Disabled`` from ``Skip``, so a skipped case that is not printed as disabled
    counts against the registry. The totals of the report keep the two apart as well and are looked at besides.
    """
    suites = ET.parse(folder / "junit.xml").getroot()  # noqa: S314 - written by the program that was just run
    disabled = {match["name"] for match in _WALK.finditer(printed) if match["status"] == "Disabled"}
    cases = tuple(_case(element, disabled) for element in suites.iter("testcase"))
    attributes = {name: int(suites.get(name, "0")) for name in ("tests", "failures", "errors", "skipped", "disabled")}
    broken = attributes["failures"] + attributes["errors"]
    totals = {
        Verdict.PASSED: attributes["tests"] - broken - attributes["skipped"] - attributes["disabled"],
        Verdict.FAILED: broken,
        Verdict.SKIPPED: attributes["skipped"],
        Verdict.DISABLED: attributes["disabled"],
    }
    return Outcome(cases=cases, totals=totals)


def _case(element: ET.Element, disabled: set[str]) -> Case:
    name, status = element.get("name", ""), element.get("status")
    verdict = {"passed": Verdict.PASSED, "skipped": Verdict.SKIPPED}.get(status or "", Verdict.FAILED)
    if verdict is Verdict.SKIPPED and name in disabled:
        verdict = Verdict.DISABLED
    reason = "" if verdict is Verdict.PASSED else _reason(element)
    return Case(name=name, verdict=verdict, seconds=float(element.get("time") or 0), reason=reason)


def _reason(element: ET.Element) -> str:
    texts = [element.findtext("system-out") or "", element.findtext("system-err") or ""]
    return "\n".join(text.strip() for text in texts if text.strip())
