"""The identity source ``database``: people whose password is stored in this database."""

import contextlib
from typing import Final

import sqlalchemy as sa

from app.access.principals import Principal, PrincipalKind
from app.context import Context, Ports
from app.core.errors import UnavailableError
from app.identity.models import DATABASE_SOURCE, User
from app.identity.passwords import Passwords
from app.identity.sources.source import Attempt


class DatabaseSource:
    """Verifies passwords stored in the database, and knows the accounts of people of all sources."""

    name: Final = DATABASE_SOURCE
    kind: Final = PrincipalKind.USER
    compares_anew: Final = False

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._passwords = Passwords()

    def reserves(self, name: str) -> bool:  # noqa: ARG002 - any name can be a person's of any source
        """Reserve no names."""
        return False

    def verify(self, attempt: Attempt) -> Principal | None:
        """Return the person whose password this is; every attempt costs one hash, whatever the account's source.

        A verified password with Harbor's hash is hashed again with argon2id.

        Raises:
            UnavailableError: too many passwords wait to be hashed.

        """
        stored = attempt.stored
        own = stored is not None and stored.source == self.name and not stored.disabled
        password_hash = stored.password_hash if stored is not None and own else None
        if not self._passwords.verify(attempt.password, password_hash, attempt.is_known):
            return None
        if stored is None or password_hash is None:
            return None
        if self._passwords.outdated(password_hash):
            self._hash_again(stored.id, password_hash, attempt.password)
        return Principal(
            kind=self.kind, id=stored.id, name=stored.username, sysadmin=stored.sysadmin, version=stored.version
        )

    def by_id(self, principal_id: int) -> Principal | None:
        """Return the person of this id, of any source; None when the account is disabled or deleted."""
        for row in Context(self._ports).prepared_rows(_BY_ID, {"user_id": principal_id}):
            return Principal(
                kind=self.kind, id=principal_id, name=row.username, sysadmin=row.sysadmin, version=row.version
            )
        return None

    def _hash_again(self, user_id: int, password_hash: str, password: str) -> None:
        """Store a new hash of the same password; a full queue or disk does not fail the login."""
        replaced = sa.update(User).where(User.id == user_id, User.password_hash == password_hash)
        with contextlib.suppress(UnavailableError):
            statement = replaced.values(password_hash=self._passwords.hash(password))
            with Context(self._ports).write() as session:
                session.execute(statement.execution_options(synchronize_session=False))


_BY_ID = sa.select(User.username, User.sysadmin, User.version).where(
    User.id == sa.bindparam("user_id"), User.disabled.is_(sa.false()), User.deleted.is_(sa.false())
)
