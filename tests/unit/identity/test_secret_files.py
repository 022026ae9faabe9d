"""The installation's secrets as files: one winner, private, never half-written."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.core.errors import InternalError
from app.identity.secret_files import load_keyring, read_or_create, replace


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


def test_the_keyring_is_made_once_and_its_keys_differ(tmp_path: Path) -> None:
    made = load_keyring(tmp_path)
    assert load_keyring(tmp_path) == made
    assert len({made.encryption, made.csrf, made.pepper}) == 3


def test_a_damaged_key_is_named_and_not_replaced(tmp_path: Path) -> None:
    load_keyring(tmp_path)
    (tmp_path / "csrf-key").write_bytes(b"short")
    with pytest.raises(InternalError, match=r"csrf-key .*backup"):
        load_keyring(tmp_path)
    assert (tmp_path / "csrf-key").read_bytes() == b"short"
