"""A garbage collection as an administrator runs it, and what it leaves on disk."""

from tests.support.instance import Instance


def collect(instance: Instance, *options: str) -> str:
    """Run a collection to its end and return what the command printed; AssertionError when it fails."""
    done = instance.command("gc", "run", "--wait", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def bytes_on_disk(instance: Instance) -> int:
    """The size of everything in the blob store."""
    return sum(path.stat().st_size for path in (instance.folder / "blobs").rglob("*") if path.is_file())
