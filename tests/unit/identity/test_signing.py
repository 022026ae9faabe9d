"""Signing keys: made once, rotated without cutting off tokens, refused when damaged."""

import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.core.errors import InternalError
from app.identity.signing import SigningKeys, load_signing_keys, rotate_signing_key
from app.settings import Settings, load


@pytest.fixture
def settings(tmp_path: Path, signing_key_file: Path) -> Settings:
    """Settings with a data folder that holds a signing key."""
    made = replace(load(), data_dir=tmp_path)
    made.secrets_dir.mkdir()
    (made.secrets_dir / signing_key_file.name).write_bytes(signing_key_file.read_bytes())
    return made


def test_the_key_is_private_and_stays(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    kid = load_signing_keys(tmp_path).signing(now).kid
    assert SigningKeys(tmp_path).signing(now).kid == kid
    assert stat.S_IMODE((tmp_path / "token-signing-key.pem").stat().st_mode) == 0o600


def test_rotation_is_noticed_within_five_seconds(settings: Settings) -> None:
    keys, now = load_signing_keys(settings.secrets_dir), datetime.now(UTC)
    before = keys.signing(now).kid
    rotate_signing_key(settings)
    after = keys.signing(now + timedelta(seconds=5)).kid
    assert after != before
    assert keys.verification(before, now + timedelta(seconds=5)) is not None
    assert keys.verification(after, now + timedelta(seconds=5)) is not None


def test_a_key_nobody_has_seen_is_looked_for_at_once(settings: Settings) -> None:
    keys, now = load_signing_keys(settings.secrets_dir), datetime.now(UTC)
    keys.signing(now)
    rotate_signing_key(settings)
    elsewhere = load_signing_keys(settings.secrets_dir).signing(now).kid
    assert keys.verification(elsewhere, now) is not None
    assert keys.verification("unknown", now) is None


def test_a_retired_key_ends_when_its_tokens_have(settings: Settings) -> None:
    now = datetime.now(UTC)
    before = load_signing_keys(settings.secrets_dir).signing(now).kid
    rotate_signing_key(settings)
    last = now + settings.token_expiration + timedelta(seconds=60)
    assert SigningKeys(settings.secrets_dir).verification(before, last) is not None
    assert SigningKeys(settings.secrets_dir).verification(before, last + timedelta(seconds=30)) is None


def test_rotation_removes_what_has_ended(settings: Settings) -> None:
    old = settings.secrets_dir / "token-verification-key-1000000000-abcd.pem"
    old.write_bytes(b"")
    load_signing_keys(settings.secrets_dir)
    rotate_signing_key(settings)
    names = sorted(path.name.partition("-key-")[0] for path in settings.secrets_dir.iterdir())
    assert not old.exists()
    assert names == ["token-signing-key.pem", "token-verification"]


def test_a_damaged_key_is_named_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "token-signing-key.pem").write_text("nonsense")
    with pytest.raises(InternalError, match=r"token-signing-key\.pem .*backup"):
        load_signing_keys(tmp_path)
