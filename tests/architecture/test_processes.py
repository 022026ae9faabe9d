"""What each kind of process loads."""

import subprocess
import sys

import pytest

_LOADED = "import sys, {module}; print(' '.join(name for name in ('temporalio', 'flask') if name in sys.modules))"


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("app.wsgi, app.factory, app.garbage.api, app.garbage.service, app.jobs.service", "flask"),
        ("workflows.worker", "temporalio"),
        ("app.cli.main", ""),
        ("app.cli.gc", ""),
    ],
)
def test_no_web_process_loads_temporal_and_no_worker_flask(module: str, expected: str) -> None:
    command = [sys.executable, "-c", _LOADED.format(module=module)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == expected
