"""Passwords: the rules, what is stored, and what is taken from a Harbor."""

import time

import pytest

from app.core.errors import FieldInvalid
from app.identity.passwords import Passwords, require_password_rules


@pytest.mark.parametrize("password", ["Abcdefg1", "A1" + "b" * 126, "Ünïcode1Aa"])
def test_good_passwords(password: str) -> None:
    require_password_rules(password)


@pytest.mark.parametrize("password", ["", "Abcdef1", "A1" + "b" * 127, "abcdefg1", "ABCDEFG1", "Abcdefgh"])
def test_bad_passwords(password: str) -> None:
    with pytest.raises(FieldInvalid, match=r"^password must be"):
        require_password_rules(password)


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


_SALT = "abcdefghijklmnopqrstuvwxyz012345"
HARBORS = [
    ("Harbor12345", f"harbor-pbkdf2$sha1$4096${_SALT}$61c264701628885318f8963654f9d0dd"),
    ("Harbor12345", f"harbor-pbkdf2$sha256$4096${_SALT}$283fa77568a29b5503937171a208bebc"),
    ("Pässwörd1", "harbor-pbkdf2$sha256$4096$a$b$c$b4aa95b9dcee46d6b22b19db887b8b0f"),
    ("password", "harbor-pbkdf2$sha1$4096$salt$4b007901b765489abead49d926f721d065a429c1"),
]
"""Made by ``hashlib.pbkdf2_hmac`` of another program; the last one is RFC 6070's third vector."""


@pytest.mark.parametrize(("password", "stored"), HARBORS)
def test_a_harbors_hash_is_verified_and_outdated(password: str, stored: str) -> None:
    passwords = Passwords()
    assert passwords.verify(password, stored)
    assert not passwords.verify(password + "x", stored)
    assert not passwords.verify(password, stored[:-1] + ("0" if stored[-1] != "0" else "1"))
    assert passwords.outdated(stored)
    assert not passwords.outdated(passwords.hash(password))


@pytest.mark.parametrize(
    "stored",
    [
        "harbor-pbkdf2$md5$4096$salt$00",
        "harbor-pbkdf2$sha256$0$salt$00",
        "harbor-pbkdf2$sha256$4096$salt$",
        "harbor-pbkdf2$sha256$4096$salt$0",
        "harbor-pbkdf2$sha256$4096$salt$zz",
        "harbor-pbkdf2$sha256$99999999$salt$00",
        "harbor-pbkdf2$sha256$4096",
    ],
)
def test_damaged_hashes_verify_nothing(stored: str) -> None:
    assert not Passwords().verify("Harbor12345", stored)


def test_long_texts_cost_nothing() -> None:
    passwords = Passwords()
    stored = [None, passwords.hash("Harbor12345"), HARBORS[0][1]]
    began = time.process_time()
    assert not any(passwords.verify("A1a" * 400_000, each) for each in stored)
    with pytest.raises(FieldInvalid):
        require_password_rules("A1a" * 400_000)
    assert time.process_time() - began < 0.005
