"""The migrations and the models agree, up and down, on an empty and on a filled database."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from structlog.testing import capture_logs

from app.context import Context
from app.core.errors import PreconditionError
from app.db import migrate
from app.db.database import Database
from app.garbage.contracts import GARBAGE_COLLECTION, UPLOAD_PURGE_JOB, GarbageInput, PurgeInput
from app.identity.models import User
from app.jobs.contracts import Trigger
from app.jobs.models import Schedule
from app.jobs.runs import JobRun
from app.jobs.schedules import ScheduleService
from app.jobs.service import JobService
from app.projects.models import Project
from app.tables import metadata
from tests.support.task_scene import begun


def test_models_and_migrations_describe_the_same_tables(database: Database) -> None:
    with database.engine.connect() as connection:

        def declared(_: object, name: str | None, kind: str, *__: object) -> bool:
            return migrate.is_declared(kind, name)

        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": declared})
        assert compare_metadata(context, metadata()) == []


def test_down_and_up_again_on_an_empty_database(database: Database) -> None:
    migrate.downgrade(database, "base")
    with database.engine.connect() as connection:
        assert set(sa.inspect(connection).get_table_names()) - {"alembic_version"} == set()
    migrate.upgrade(database)
    migrate.require_current(database)


def test_down_and_up_again_on_a_filled_database(database: Database) -> None:
    now = datetime.now(UTC)
    with database.write() as session:
        user = User(username="fill", creation_time=now, update_time=now)
        session.add(user)
        session.flush()
        session.add(Project(name="filled", owner_id=user.id, creation_time=now, update_time=now))
    migrate.downgrade(database, "base")
    migrate.upgrade(database)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Project)) == 0


def test_upgrade_is_idempotent(database: Database) -> None:
    migrate.upgrade(database)
    assert migrate.current(database) == migrate.head()


def test_a_newer_database_is_refused_in_one_sentence(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    for step in (migrate.upgrade, migrate.require_current):
        with pytest.raises(PreconditionError, match="revision 9999, which this version of PyHarbor does not know"):
            step(database)


def test_an_unknown_revision_is_the_callers_mistake(database: Database) -> None:
    with pytest.raises(PreconditionError, match=r"there is no way from revision .* to 'nowhere'"):
        migrate.downgrade(database, "nowhere")


def test_what_a_downgrade_loses_is_told_and_still_there(database: Database) -> None:
    now = datetime.now(UTC)
    with database.write() as session:
        session.add(User(username="fill", creation_time=now, update_time=now))
    lost = migrate.losses(database, "0001")
    assert "column user_account.email_key" in lost
    assert "table robot (0 rows)" in lost
    assert "table user_account (1 rows)" in migrate.losses(database, "base")
    migrate.require_current(database)
    with database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(User)) == 1


def test_addresses_that_differ_in_case_only_are_the_oldest_accounts(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate.downgrade(database, "0002")
    people = [("old", "Ann@example.test"), ("new", "ann@Example.test"), ("other", "bob@example.test"), ("none", None)]
    with database.write() as session:
        for name, email in people:
            session.execute(
                sa.text(
                    "INSERT INTO user_account (username, email, realname, comment, sysadmin, disabled, deleted,"
                    " version, creation_time, update_time) VALUES (:name, :email, '', '', false, false, false, 1,"
                    " CURRENT_TIMESTAMP, CURRENT_TIMESTAMP)"
                ),
                {"name": name, "email": email},
            )
    migrate.upgrade(database)
    with database.read() as session:
        rows = session.execute(sa.select(User.username, User.email_key)).all()
    keys = {row.username: row.email_key for row in rows}
    assert keys == {"old": "ann@example.test", "new": None, "other": "bob@example.test", "none": None}
    logged = capsys.readouterr().out
    assert [word in logged for word in ("email_address_shared", "new", "old")] == [True, True, True]


def test_collections_that_deleted_untagged_artifacts_unasked_keep_them(database: Database, ctx: Context) -> None:
    asked = {"delete_untagged": True, "delete_tag": True, "dry_run": False, "workers": 3, "window_ms": 7_200_000}
    jobs, schedules = JobService(ctx), ScheduleService(ctx)
    schedules.put(UPLOAD_PURGE_JOB, PurgeInput(), expression="0 0 0 * * *", kind="Custom")
    daily = schedules.put(GARBAGE_COLLECTION, GarbageInput(**asked), expression="0 0 0 * * *", kind="Daily")  # type: ignore[arg-type]
    waiting, begun, ended = (
        jobs.start(GARBAGE_COLLECTION, GarbageInput(**asked), trigger=Trigger.MANUAL)  # type: ignore[arg-type]
        for _ in range(3)
    )
    JobRun(ctx, jobs.execution(begun).workflow_id, GARBAGE_COLLECTION.workflow).begin(0)
    jobs.stop(ended)
    with database.write() as session:
        session.execute(sa.update(Schedule).values(synced_generation=Schedule.generation))
    migrate.downgrade(database, "0002")
    with capture_logs() as logged:
        migrate.upgrade(database)
    assert [(line["event"], line.get("schedules"), line.get("executions")) for line in logged] == [
        ("gc_schedules_keep_untagged", [daily], None),
        ("gc_runs_keep_untagged", None, [waiting]),
    ]
    found = schedules.find(GARBAGE_COLLECTION)
    assert found is not None
    assert found.input == {**asked, "delete_untagged": False, "schedule_id": daily, "lease_ms": 120_000} | {
        "handed_over": None,
        "project": "",
        "policy": "",
    }
    flags = [jobs.execution(execution).input["delete_untagged"] for execution in (waiting, begun, ended)]
    assert flags == [False, True, True]
    with database.read() as session:
        unsynced = sa.select(Schedule.id).where(Schedule.generation != Schedule.synced_generation)
        assert session.scalars(unsynced).all() == [daily]
    with capture_logs() as logged:
        migrate.downgrade(database, "0002")
        migrate.upgrade(database)
    assert logged == []


def test_logs_and_resume_points_survive_up_and_down(database: Database, ctx: Context) -> None:
    jobs = JobService(ctx)
    logged, silent = (jobs.start(UPLOAD_PURGE_JOB, PurgeInput(), trigger=Trigger.MANUAL) for _ in range(2))
    run = JobRun(ctx, jobs.execution(logged).workflow_id, UPLOAD_PURGE_JOB.workflow)
    for number in range(300):
        run.log(f"line {number} {'é' * 50}")
    run.keep({"cursor": 7})
    before = jobs.log(logged)
    migrate.downgrade(database, "0009")
    with database.read() as session:
        task = session.execute(sa.text("SELECT execution_id, natural_key, log FROM task")).one()
    assert tuple(task) == (logged, "log", before)
    migrate.upgrade(database)
    assert (jobs.log(logged), run.kept(), jobs.log(silent)) == (before, {"cursor": 7}, "")
    run.log("goes on")
    assert jobs.log(logged).startswith(before)


def test_a_task_called_log_gives_way_to_the_log_of_its_execution(database: Database, ctx: Context) -> None:
    scene = begun(ctx)
    scene.insert("log", "layer")
    scene.run.log("copies")
    before = JobService(ctx).log(scene.id)
    assert migrate.losses(database, "0009")
    migrate.downgrade(database, "0009")
    with database.read() as session:
        tasks = session.execute(sa.text("SELECT natural_key, log FROM task ORDER BY natural_key")).all()
    assert [tuple(task) for task in tasks] == [("layer", ""), ("log", before)]
    migrate.upgrade(database)
    assert JobService(ctx).log(scene.id) == before
    assert scene.states() == {"layer": ("Pending", 0)}
