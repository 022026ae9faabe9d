"""Planned statements answer as SQLAlchemy's own execution does, and outlive a lost connection."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, StatementError

from app.core.errors import InternalError
from app.db.database import Database
from app.db.plans import run
from app.db.types import BigId, Document, UtcDateTime, byte_text, clock_ms

_MOMENT = datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC)
_TABLE = sa.Table(
    "planned",
    sa.MetaData(),
    sa.Column("id", BigId, primary_key=True),
    sa.Column("name", byte_text(32)),
    sa.Column("moment", UtcDateTime),
    sa.Column("flag", sa.Boolean),
    sa.Column("content", sa.LargeBinary),
    sa.Column("document", Document),
    sa.Column("absent", sa.String(8)),
)
_ROW = _TABLE.c
_SINCE = (
    sa.select(_TABLE)
    .where(
        _ROW.moment >= sa.bindparam("since", type_=_ROW.moment.type),
        _ROW.name != "100% other",
        _ROW.flag.is_(sa.true()),
    )
    .order_by(_ROW.id)
    .limit(sa.bindparam("limit", type_=sa.Integer))
)
_AGE = sa.select((clock_ms() - _ROW.id).label("age"), _ROW.flag).where(_ROW.name == sa.bindparam("name"))


@pytest.fixture
def planned(database: Database) -> Database:
    row = {"name": "a", "moment": _MOMENT, "flag": True, "content": b"\0\xff", "document": {"a": [1, None]}}
    with database.write() as session:
        _TABLE.create(session.connection())
        session.connection().execute(_TABLE.insert(), [row, row | {"name": "b"}, row | {"name": "c", "flag": False}])
    return database


def runs(database: Database, statement: sa.Executable, parameters: dict[str, Any]) -> list[Sequence[sa.Row[Any]]]:
    """The rows of the first run, before there is a plan, and of those with it."""
    return [database.prepared_rows(statement, parameters) for _ in range(3)]


def test_all_types_come_back_as_they_were(planned: Database) -> None:
    first, second, third = runs(planned, _SINCE, {"since": _MOMENT, "limit": 5})
    assert [tuple(row) for row in first] == [tuple(row) for row in second] == [tuple(row) for row in third]
    assert [type(value) for value in second[0]] == [type(value) for value in first[0]]
    assert second[0]._asdict() == first[0]._asdict()
    assert (second[1].name, second[1].moment, second[1].flag) == ("b", _MOMENT, True)
    assert bytes(second[0].content) == b"\0\xff"
    assert [len(rows) for rows in runs(planned, _SINCE, {"since": _MOMENT, "limit": 1})] == [1, 1, 1]


def test_labels_are_attributes(planned: Database) -> None:
    for rows in runs(planned, _AGE, {"name": "c"}):
        assert (rows[0].age > 0, rows[0].flag) == (True, False)


def test_a_parameter_that_is_missing_is_refused(planned: Database) -> None:
    runs(planned, _SINCE, {"since": _MOMENT, "limit": 5})
    with pytest.raises(StatementError):
        planned.prepared_rows(_SINCE, {"limit": 5})


@pytest.mark.parametrize(
    "statement",
    [
        sa.select(_ROW.name).where(_ROW.name.in_(sa.bindparam("names", expanding=True))).order_by(_ROW.name),
        sa.select(sa.func.min(_ROW.name)).where(_ROW.name.in_(sa.bindparam("names", expanding=True))),
    ],
)
def test_what_cannot_be_planned_runs_all_the_same(planned: Database, statement: sa.Select[Any]) -> None:
    for rows in runs(planned, statement, {"names": ["b", "a"]}):
        assert rows[0][0] == "a"


def test_a_lost_connection_is_made_again(planned: Database) -> None:
    expected, _, _ = runs(planned, _AGE.with_only_columns(_ROW.flag), {"name": "a"})
    statement = _AGE.with_only_columns(_ROW.flag)
    runs(planned, statement, {"name": "a"})
    if planned.sqlite:
        kept: Any = planned._kept().connection
        kept.dbapi_connection.close()
    else:
        with planned.write() as session:
            others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            session.connection().execute(sa.text(f"{others} AND pid <> pg_backend_pid()"))
    assert planned.prepared_rows(statement, {"name": "a"}) == expected


def test_noted_changes_are_made_each_time_and_say_what_they_changed(planned: Database) -> None:
    statement = (
        sa.update(_TABLE)
        .where(_ROW.name == sa.bindparam("at_name"), _ROW.flag.is_(sa.true()))
        .values(moment=sa.bindparam("moment", type_=_ROW.moment.type), content=sa.bindparam("content"), absent="x")
        .returning(_ROW.name, _ROW.moment)
    )
    for number in range(4):
        moment, content = _MOMENT.replace(microsecond=number), bytes([number])
        changed = planned.note(statement, {"at_name": "a", "moment": moment, "content": content})
        assert [tuple(row) for row in changed] == [("a", moment)]
        found = planned.rows(_TABLE.select().where(_ROW.name == "a"))[0]
        assert (found.moment, bytes(found.content), found.absent) == (moment, content, "x")
    assert planned.note(statement, {"at_name": "c", "moment": _MOMENT, "content": b""}) == []


def test_a_note_that_fails_changes_nothing_and_says_why(planned: Database) -> None:
    statement = sa.insert(_TABLE).values(id=sa.bindparam("id"), name=sa.bindparam("name")).returning(_ROW.id)
    for number in range(10, 14):
        assert planned.note(statement, {"id": number, "name": "d"})[0].id == number
        with pytest.raises(IntegrityError):
            planned.note(statement, {"id": number, "name": "e"})
    assert len(planned.rows(_TABLE.select().where(_ROW.name == "e"))) == 0


def test_a_note_is_no_part_of_a_transaction(planned: Database) -> None:
    statement = sa.update(_TABLE).values(absent="x").returning(_ROW.id)
    for _ in range(3):
        planned.note(statement, {})
        with planned.write(), pytest.raises(InternalError, match="open already"):
            planned.note(statement, {})


class TestInSessions:
    """The same in a writing transaction, by ``run``."""

    def test_lists_of_any_length(self, planned: Database) -> None:
        statement = (
            sa.select(_ROW.name)
            .where(_ROW.name.in_(sa.bindparam("names", expanding=True)), _ROW.id > sa.bindparam("id"))
            .order_by(_ROW.name)
        )
        with planned.write() as session:
            for names in (["a", "b"], [], ["c"], ["b", "a", "x"], [*map(str, range(30)), "c"]):
                found = run(session, statement, {"names": names, "id": 0})
                assert [row.name for row in found] == sorted({"a", "b", "c"} & set(names))

    def test_changes_with_and_without_rows(self, planned: Database) -> None:
        add = full_insert_of(_TABLE, "name", "document")
        rename = sa.update(_TABLE).where(_ROW.name == sa.bindparam("at")).values(name=sa.bindparam("to"))
        drop = sa.delete(_TABLE).where(_ROW.name == sa.bindparam("at")).returning(_ROW.document)
        for number in range(4):
            with planned.write() as session:
                assert run(session, add, {"name": "new", "document": {"n": number}}) == []
                assert run(session, rename, {"at": "new", "to": "newer"}) == []
                assert [row.document for row in run(session, drop, {"at": "newer"})] == [{"n": number}]
                assert run(session, drop, {"at": "newer"}) == []

    def test_errors_are_those_of_an_ordinary_execution(self, planned: Database) -> None:
        add = sa.insert(_TABLE).values(id=sa.bindparam("id"))
        for _ in range(3):
            with planned.write() as session, pytest.raises(IntegrityError):
                run(session, add, {"id": 1})
            assert len(planned.rows(sa.select(_ROW.id))) == 3

    def test_what_python_fills_in_is_not_planned(self, planned: Database) -> None:
        table = sa.Table(
            "filled", sa.MetaData(), sa.Column("id", BigId, primary_key=True), sa.Column("n", sa.Integer, default=7)
        )
        add = sa.insert(table).values(id=sa.bindparam("id")).returning(table.c.n)
        with planned.write() as session:
            table.create(session.connection())
            assert [run(session, add, {"id": number})[0].n for number in range(3)] == [7, 7, 7]


def full_insert_of(table: sa.Table, *columns: str) -> sa.Insert:
    return sa.insert(table).values(**{name: sa.bindparam(name, type_=table.c[name].type) for name in columns})
