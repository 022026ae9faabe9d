"""Passwords: the rules, and what is stored."""

import pytest

from app.core.errors import FieldInvalid
from app.identity.passwords import Passwords, check_rules


@pytest.mark.parametrize("password", ["Abcdefg1", "A1" + "b" * 126, "Ünïcode1Aa"])
def test_good_passwords(password: str) -> None:
    check_rules(password)


@pytest.mark.parametrize("password", ["", "Abcdef1", "A1" + "b" * 127, "abcdefg1", "ABCDEFG1", "Abcdefgh"])
def test_bad_passwords(password: str) -> None:
    with pytest.raises(FieldInvalid, match=r"^password must be"):
        check_rules(password)


def test_what_is_stored_is_argon2id_and_salted() -> None:
    passwords = Passwords()
    stored = {passwords.hash("Harbor12345") for _ in range(2)}
    assert len(stored) == 2
    for text in stored:
        assert text.startswith("$argon2id$")
        assert passwords.verify("Harbor12345", text)
        assert not passwords.verify("Harbor12346", text)


def test_nothing_stored_verifies_nothing() -> None:
    assert not Passwords().verify("the password of nobody", None)
    assert not Passwords().verify("x", "damaged")
