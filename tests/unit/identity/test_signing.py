"""Signing keys: rotated without cutting off tokens, ended at once on demand, refused when damaged."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.errors import PreconditionError
from app.identity.key_folder import KeyFolder
from app.identity.signing import SigningKeys, rotate_signing_key

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LIFETIME = timedelta(minutes=30)


def test_rotation_is_noticed_at_once(key_folder: KeyFolder) -> None:
    keys, now = SigningKeys(key_folder), datetime.now(UTC)
    before = keys.signing().kid
    rotate_signing_key(key_folder, LIFETIME)
    after = keys.signing().kid
    assert after != before
    assert keys.verification(before, now) is not None
    assert keys.verification(after, now) is not None
    assert keys.verification("unknown", now) is None


def test_a_retired_key_ends_when_its_tokens_have(key_folder: KeyFolder) -> None:
    keys, now = SigningKeys(key_folder), datetime.now(UTC)
    before = keys.signing().kid
    rotate_signing_key(key_folder, LIFETIME)
    last = now + LIFETIME + timedelta(seconds=60)
    assert keys.verification(before, last) is not None
    assert keys.verification(before, last + timedelta(seconds=30)) is None
    assert SigningKeys(key_folder).verification(before, last) is not None


def test_keys_that_end_at_once_verify_nothing(key_folder: KeyFolder) -> None:
    keys, now = SigningKeys(key_folder), datetime.now(UTC)
    first = keys.signing().kid
    rotate_signing_key(key_folder, LIFETIME)
    second = keys.signing().kid
    rotate_signing_key(key_folder, LIFETIME, at_once=True)
    assert [keys.verification(kid, now) for kid in (first, second)] == [None, None]


def test_rotation_removes_what_has_ended(key_folder: KeyFolder) -> None:
    old = key_folder.path / "token-verification-key-1000000000-abcd.pem"
    old.write_bytes(b"")
    rotate_signing_key(key_folder, LIFETIME)
    assert not old.exists()
    assert len(list(key_folder.path.glob("token-verification-*"))) == 1


def test_a_damaged_key_is_named_and_not_replaced(key_folder: KeyFolder) -> None:
    path = key_folder.path / "token-signing-key.pem"
    path.write_text("nonsense")
    with pytest.raises(PreconditionError, match=r"token-signing-key\.pem .*backup"):
        key_folder.check_in()
    assert path.read_text() == "nonsense"
