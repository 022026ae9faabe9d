"""The installation's secrets as files: one winner, private, never half-written."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.core.errors import PreconditionError
from app.identity.secret_files import read_or_create, replace, require_private


def test_the_first_of_many_makers_wins(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(lambda number: read_or_create(path, lambda: b"%d" % number), range(64)))
    assert set(seen) == {path.read_bytes()}
    assert [entry.name for entry in path.parent.iterdir()] == ["key"]


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "key"
    read_or_create(path, lambda: b"first")
    replace(path, b"second")
    assert path.read_bytes() == b"second"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    require_private(path)
    require_private(path.parent)


@pytest.mark.parametrize(("mode", "right"), [(0o640, 0o600), (0o604, 0o600), (0o711, 0o700)])
def test_what_others_may_use_is_refused_with_the_command(tmp_path: Path, mode: int, right: int) -> None:
    path = tmp_path / "key"
    path.touch()
    path.chmod(mode)
    with pytest.raises(PreconditionError, match=f"mode 0{mode:o}.*: run 'chmod {right:o} {path}'$"):
        require_private(path)
