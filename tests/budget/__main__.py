"""``python -m tests.budget --record`` writes the baseline; ``direct`` and ``live`` only count and print JSON."""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.budget import baseline, direct, live


def main() -> None:
    """Count, and print or record."""
    parser = argparse.ArgumentParser(prog="python -m tests.budget", description=__doc__)
    parser.add_argument("kind", nargs="?", choices=baseline.KINDS, help="only count, and print")
    parser.add_argument("--record", action="store_true", help="count both kinds and write the baseline")
    options = parser.parse_args()
    if options.record:
        baseline.write({kind: baseline.counted(kind)[0] for kind in baseline.KINDS})
        return
    if options.kind is None:
        parser.error("say direct, live or --record")
    with tempfile.TemporaryDirectory(prefix="pyharbor-budget-") as name:
        folder = Path(name)
        counts = (live.count(folder),) if options.kind == "live" else direct.count(folder)
    sys.stdout.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    main()
