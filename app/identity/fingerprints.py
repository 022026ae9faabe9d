"""The fingerprints of the installation's keys in the database, from which no key can be derived."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.db.conflict import insert_absent
from app.db.database import Database
from app.identity.models import InstallationKey


class KeyName(StrEnum):
    """The keys of an installation."""

    SIGNING = "token-signing-key"
    ENCRYPTION = "encryption-key"
    CSRF = "csrf-key"
    PEPPER = "pepper-key"


class KeyState(StrEnum):
    """Whether a key is in use, next in a rotation, or retired."""

    CURRENT = "current"
    NEXT = "next"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The fingerprints of one key in the database, by state."""

    current: str | None = None
    following: str | None = None
    """The next key of a rotation that is under way or was interrupted."""
    retired: frozenset[str] = field(default_factory=frozenset)


def fingerprint(name: KeyName, material: bytes) -> str:
    """Return the SHA-256 of a key and its name in hex, so that equal keys of two names have different fingerprints."""
    return hashlib.sha256(b"pyharbor installation key\0" + name.encode() + b"\0" + material).hexdigest()


def remembered(db: Database) -> Mapping[KeyName, Remembered]:
    """Return the stored fingerprints of every key."""
    with db.read() as session:
        rows = session.execute(sa.select(InstallationKey.name, InstallationKey.fingerprint, InstallationKey.state))
        return _by_name(rows.all())


def remember_first(session: Session, name: KeyName, mark: str, now: datetime) -> None:
    """Store the key's fingerprint as current unless a key of its name is current already."""
    _insert(session, name, mark, KeyState.CURRENT, now)


def announce(session: Session, name: KeyName, mark: str, now: datetime, *, forget_retired: bool) -> None:
    """Store the fingerprint of the next key of a rotation, in place of one from an interrupted rotation."""
    states = [KeyState.NEXT, *([KeyState.RETIRED] if forget_retired else [])]
    session.execute(sa.delete(InstallationKey).where(InstallationKey.name == name, InstallationKey.state.in_(states)))
    _insert(session, name, mark, KeyState.NEXT, now)


def promote(session: Session, name: KeyName, *, keep: Sequence[str]) -> None:
    """Make the next key the current one; retire the previous one if it is among ``keep``, else forget it."""
    of_name = InstallationKey.name == name
    if session.scalar(sa.select(InstallationKey.id).where(of_name, InstallationKey.state == KeyState.NEXT)) is None:
        return
    current = sa.and_(of_name, InstallationKey.state == KeyState.CURRENT)
    session.execute(sa.delete(InstallationKey).where(current, InstallationKey.fingerprint.not_in(keep)))
    session.execute(sa.update(InstallationKey).where(current).values(state=KeyState.RETIRED))
    following = sa.and_(of_name, InstallationKey.state == KeyState.NEXT)
    session.execute(sa.update(InstallationKey).where(following).values(state=KeyState.CURRENT))


def replace_all(session: Session, name: KeyName, current: str, retired: Sequence[str], now: datetime) -> None:
    """Replace all fingerprints of the name by the current key's and those of the ``retired`` ones."""
    session.execute(sa.delete(InstallationKey).where(InstallationKey.name == name))
    _insert(session, name, current, KeyState.CURRENT, now)
    for mark in retired:
        _insert(session, name, mark, KeyState.RETIRED, now)


def _insert(session: Session, name: KeyName, mark: str, state: KeyState, now: datetime) -> None:
    values = {"name": name, "fingerprint": mark, "state": state, "creation_time": now}
    session.execute(insert_absent(session, InstallationKey).values(**values))


def _by_name(rows: Sequence[sa.Row[str, str, str]]) -> Mapping[KeyName, Remembered]:
    def marks(name: KeyName, state: KeyState) -> list[str]:
        return [row.fingerprint for row in rows if row.name == name and row.state == state]

    return {
        name: Remembered(
            current=next(iter(marks(name, KeyState.CURRENT)), None),
            following=next(iter(marks(name, KeyState.NEXT)), None),
            retired=frozenset(marks(name, KeyState.RETIRED)),
        )
        for name in KeyName
    }
