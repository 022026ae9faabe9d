"""What an installation has logged."""

import json
from collections.abc import Iterator
from typing import Any

from tests.support.instance import Instance
from tests.support.server import LiveServer


def events(instance: Instance, *names: str) -> list[dict[str, Any]]:
    """The log's entries of these names, oldest first; all entries without names."""
    return [entry for entry in _entries(instance) if not names or entry.get("event") in names]


def traces(instance: Instance | LiveServer) -> list[str]:
    """The entries that carry a trace or are errors nobody foresaw, and whatever is no entry but a crash's text."""
    text = instance.log.read_text(encoding="utf-8", errors="replace")
    crashes = [line for line in text.splitlines() if line.startswith("Traceback")]
    return crashes + [json.dumps(entry)[:2000] for entry in _entries(instance) if "exception" in entry]


def _entries(instance: Instance | LiveServer) -> Iterator[dict[str, Any]]:
    for line in instance.log.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("{"):
            entry = json.loads(line)
            if isinstance(entry, dict):
                yield entry
