"""People and projects: made by the services once, and put as rows into the databases of the tests after that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.context import Ports
from app.db.base import Base
from app.identity import known_logins
from tests.support.accounts import PASSWORD
from tests.support.people import People, settle

Rows = Mapping[str, Sequence[tuple[Any, ...]]]
_OWN: Final = frozenset({"installation_key", "known_login"})
"""Tables whose rows depend on the keys of an installation."""
_SEQUENCES: Final = "sequences"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settlement:
    """What ``settle`` returned, all rows before, and all rows of the tables that it changed."""

    people: People
    before: Rows
    changed: Rows


class Settlements:
    """The people of one run; they are copied into a database that is as another one was before its people came."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], list[_Settlement]] = {}

    def settle(self, ports: Ports) -> People:
        """Make the accounts and the projects of this installation."""
        known = self._known.setdefault((ports.db.dialect, repr(ports.settings.configuration)), [])
        before = _content(ports)
        for settlement in known:
            if settlement.before == before:
                _put(ports, settlement)
                return settlement.people
        people = settle(ports)
        after = _content(ports)
        changed = {name: rows for name, rows in after.items() if rows != before.get(name)}
        known.append(_Settlement(people=people, before=before, changed=changed))
        return people


def _content(ports: Ports) -> Rows:
    read = _sqlite_content if ports.db.sqlite else _postgresql_content
    with ports.db.engine.connect() as connection:
        return read(connection)


def _put(ports: Ports, settlement: _Settlement) -> None:
    put = _put_into_sqlite if ports.db.sqlite else _put_into_postgresql
    with ports.db.engine.begin() as connection:
        put(connection, settlement.changed)
    with ports.db.write() as session:
        for name in settlement.people.by_name:
            known_logins.remember(session, ports.start_key, name, PASSWORD)


def _tables() -> Sequence[str]:
    return sorted(Base.metadata.tables.keys() - _OWN)


def _sqlite_content(connection: Connection) -> Rows:
    return {
        name: [tuple(row) for row in connection.exec_driver_sql(f"SELECT * FROM {name}")]  # noqa: S608 - our tables
        for name in (*_tables(), "sqlite_sequence")
    }


def _put_into_sqlite(connection: Connection, changed: Rows) -> None:
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    for name, rows in changed.items():
        connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608 - our tables
        values = ", ".join("?" * len(rows[0]))
        connection.exec_driver_sql(f"INSERT INTO {name} VALUES ({values})", list(rows))  # noqa: S608 - our tables


def _postgresql_content(connection: Connection) -> Rows:
    rows = [f"SELECT '{name}' AS name, to_jsonb(t)::text AS content FROM {name} t" for name in _tables()]  # noqa: S608 - our tables
    content: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _tables()}
    for name, row in connection.execute(sa.text(" UNION ALL ".join(rows))):
        content[name].append((row,))
    content[_SEQUENCES] = [tuple(row) for row in connection.execute(_LAST_VALUES)]
    return content


def _put_into_postgresql(connection: Connection, changed: Rows) -> None:
    """Put the rows without the tables' triggers, which check foreign keys."""
    connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
    for name, rows in changed.items():
        if name == _SEQUENCES:
            connection.exec_driver_sql("SELECT setval(%s::regclass, %s, %s)", list(rows))
        else:
            connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608 - our tables
            record = f"jsonb_populate_record(NULL::{name}, %s::jsonb)"
            connection.exec_driver_sql(f"INSERT INTO {name} SELECT * FROM {record}", list(rows))  # noqa: S608 - our tables


_LAST_VALUES: Final = sa.text("""
SELECT quote_ident(sequencename)::text, coalesce(last_value, start_value), last_value IS NOT NULL
FROM pg_sequences WHERE schemaname = 'public' ORDER BY sequencename
""")
