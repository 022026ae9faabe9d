"""``pyharbor admin``: the read-only switch is written down; a password is changed; people are shut out."""

import os
import subprocess
import sys

import httpx
import sqlalchemy as sa

from app.audit.models import AuditLog
from app.context import Context
from app.db import gate
from tests.support.people import People


def _admin(environment: dict[str, str], *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", "admin", *arguments]
    variables = os.environ | environment
    return subprocess.run(command, env=variables, input=typed, capture_output=True, text=True, check=False, timeout=60)


def test_read_only_is_switched_and_written_down(ctx: Context, environment: dict[str, str]) -> None:
    for state, on in (("on", True), ("off", False)):
        done = _admin(environment, "read-only", state)
        assert (done.returncode, done.stdout) == (0, f"read-only mode is {state}\n"), done.stderr
        with ctx.read() as session:
            assert gate.state(session).switched is on
    with ctx.read() as session:
        rows = session.execute(sa.select(AuditLog.username, AuditLog.resource).order_by(AuditLog.op_time)).all()
    changes = ["read_only: false -> true", "read_only: true -> false"]
    assert [tuple(row) for row in rows] == [("harbor", change) for change in changes]


def test_a_password_is_changed_by_the_rules(people: People, environment: dict[str, str]) -> None:
    name = people["guest"].name
    assert _admin(environment, "password", name, typed="New12345pass\n").returncode == 0
    weak = _admin(environment, "password", name, typed="weak\n")
    assert weak.returncode == 1
    assert "password must be 8 to 128 characters" in weak.stderr
    unknown = _admin(environment, "password", "nobody", typed="\n")
    assert (unknown.returncode, unknown.stderr) == (1, "pyharbor: no user is named nobody\n")


def test_people_are_shut_out_and_let_in_again(
    people: People, environment: dict[str, str], client: httpx.Client
) -> None:
    guest = people["guest"]
    for command, said, status in (("disable", "guest is disabled\n", 401), ("enable", "guest is enabled\n", 200)):
        done = _admin(environment, command, guest.name)
        assert (done.returncode, done.stdout) == (0, said), done.stderr
        assert client.get("/api/v2.0/users/current", auth=guest.credentials).status_code == status
    first = _admin(environment, "disable", "admin")
    assert (first.returncode, first.stderr.startswith("pyharbor: the first administrator stays")) == (1, True)
    unknown = _admin(environment, "disable", "nobody")
    assert (unknown.returncode, unknown.stderr) == (1, "pyharbor: no user is named nobody\n")
