"""``pyharbor web`` and ``pyharbor worker``: replace this process by gunicorn or by the worker."""

import os
import sys
from pathlib import Path

import click

from app.cli.installation import require_migrated
from app.settings import load

MALLOC = (
    "glibc.malloc.arena_max=2:glibc.malloc.mmap_threshold=1048576:"
    "glibc.malloc.trim_threshold=1048576:glibc.malloc.hugetlb=1"
)
"""Makes glibc give freed memory back to the system, which many threads would keep; huge pages make that cheap."""
_GUNICORN = Path(__file__).parents[2] / "deploy" / "gunicorn.py"


@click.command()
def web() -> None:
    """Run the web processes (gunicorn) in the foreground."""
    require_migrated(load())
    os.environ.setdefault("GLIBC_TUNABLES", MALLOC)
    os.execv(sys.executable, [sys.executable, "-m", "gunicorn", "--config", str(_GUNICORN), "app.wsgi:create()"])  # noqa: S606 - runs without a shell


@click.command()
def worker() -> None:
    """Run the worker in the foreground: workflows, activities, dispatcher, reconciler."""
    require_migrated(load())
    os.execv(sys.executable, [sys.executable, "-m", "workflows.worker"])  # noqa: S606 - runs without a shell
