"""Operations that race each other on one upload session: whatever they are answered, no wrong byte is ever served."""

import base64
import itertools
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.settings import Settings
from app.storage.models import Upload
from tests.faults.conftest import eventually
from tests.faults.lines import Answer, Asked, Line
from tests.faults.races import ALGORITHMS, Findings, Ground, Operation, Racer, Round
from tests.support.accounts import Person, make_project, make_user
from tests.support.blobs import digest_of
from tests.support.server import LiveServer

ROUNDS = int(os.environ.get("PYHARBOR_RACE_ROUNDS", "200"))
"""Per database; 200 are every ordered pair of operations with both digests, once."""
_RACERS = 4
_MEGABYTE = 1024 * 1024
PROJECTS = ("races-one", "races-two")
REPOSITORY = "races-one/app"
OTHER = "races-two/app"


@pytest.fixture
def connect(live_server: LiveServer, ports: Ports) -> Callable[[], Line]:
    """Opens connections of an administrator to a real server that has two projects."""
    person: Person = make_user(ports, "racer", sysadmin=True)
    for name in PROJECTS:
        make_project(ports, name)
    address = urlsplit(live_server.url)
    basic = base64.b64encode(":".join(person.credentials).encode()).decode()
    return partial(Line, str(address.hostname), address.port or 0, f"Basic {basic}")


@pytest.fixture
def line(connect: Callable[[], Line]) -> Iterator[Line]:
    """One connection."""
    with connect() as opened:
        yield opened


@pytest.fixture
def other(connect: Callable[[], Line]) -> Iterator[Line]:
    """Another connection."""
    with connect() as opened:
        yield opened


def rounds(number: int) -> list[Round]:
    """Every ordered pair with both digests, again and again with other seeds."""
    pairs = itertools.product(Operation, Operation, ALGORITHMS)
    plan = [
        Round(first=first, second=second, algorithm=algorithm, seed=seed)
        for seed, (first, second, algorithm) in enumerate(itertools.islice(itertools.cycle(list(pairs)), number))
    ]
    random.Random(number).shuffle(plan)
    return plan


def test_every_pair_of_operations(
    connect: Callable[[], Line], live_server: LiveServer, ports: Ports, settings: Settings
) -> None:
    findings = Findings()
    ground = Ground(
        connect=connect, ports=ports, blobs=settings.storage.path, kill=lambda: kill_web_processes(live_server)
    )
    began = time.monotonic()
    plan = rounds(ROUNDS)
    quiet, killing = [each for each in plan if not each.kills], [each for each in plan if each.kills]
    with ThreadPoolExecutor(_RACERS) as pool:
        list(pool.map(partial(race, ground, findings), range(_RACERS), (quiet[at::_RACERS] for at in range(_RACERS))))
    race(ground, findings, _RACERS, killing)
    print(f"{len(plan)} rounds in {time.monotonic() - began:.1f} s: {dict(sorted(findings.counts.items()))}")
    assert not findings.broken, f"{len(findings.broken)} broken promises:\n" + "\n".join(findings.broken[:20])
    assert "Traceback" not in live_server.log.read_text()


def race(ground: Ground, findings: Findings, number: int, plan: list[Round]) -> None:
    """Run a share of the rounds in repositories of its own."""
    with Racer(ground, findings, f"{REPOSITORY}-{number}", f"{OTHER}-{number}") as racer:
        for each in plan:
            racer.run(each)


def kill_web_processes(server: LiveServer) -> None:
    """Kill all of them and wait until others serve."""
    before = children_of(server.pid)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        now = children_of(server.pid)
        if len(now) == len(before) and not set(before) & set(now):
            return
        time.sleep(0.002)
    raise AssertionError("the web processes did not come back")


def children_of(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def ask(line: Line, method: str, target: str, body: bytes | None = None) -> Answer:
    return line.ask(Asked(method=method, target=target, body=body))


def begin(line: Line) -> str:
    answer = ask(line, "POST", f"/v2/{REPOSITORY}/blobs/uploads/")
    assert answer.status == 202, answer
    return answer.headers["Location"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("stored", [0, 300_000])
def test_a_stale_put_does_not_cut_what_is_being_written(
    line: Line, other: Line, ctx: Context, stored: int, algorithm: str
) -> None:
    content = random.Random(stored).randbytes(_MEGABYTE)
    location = begin(line)
    if stored:
        assert ask(line, "PATCH", location, content[:stored]).status == 202
    line.begin(Asked(method="PATCH", target=location, body=content[stored:], chunked=True), 0.5)
    upload = location.rpartition("/")[2]
    eventually(lambda: ctx.ports.db.rows(_LEASED, {"id": upload}))
    time.sleep(0.05)
    stale = ask(other, "PUT", f"{location}?digest={digest_of(content[:stored], algorithm)}")
    assert stale.status == 416
    assert line.end().status == 202
    assert ask(line, "PUT", f"{location}?digest={digest_of(content)}").status == 201
    serves(line, content)


@pytest.mark.parametrize("stored", [0, 300_000])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_retry_right_after_the_kill_succeeds(
    line: Line, live_server: LiveServer, ctx: Context, method: str, stored: int
) -> None:
    """Whoever owned the session is dead, which its lock on the object tells before the lease has ended."""
    content = random.Random(stored).randbytes(_MEGABYTE)
    location = begin(line)
    upload = location.rpartition("/")[2]
    if stored:
        assert ask(line, "PATCH", location, content[:stored]).status == 202
    finish = f"{location}?digest={digest_of(content)}"
    target = location if method == "PATCH" else finish
    line.begin(Asked(method=method, target=target, body=content[stored:], chunked=True), 0.5)
    eventually(lambda: ctx.ports.db.rows(_LEASED, {"id": upload}))
    kill_web_processes(live_server)
    assert line.end().status == 0
    assert ctx.ports.db.rows(_LEASED, {"id": upload})
    if method == "PATCH":
        assert ask(line, "PATCH", location, content[stored:]).status == 202
        assert ask(line, "PUT", finish).status == 201
    else:
        assert ask(line, "PUT", finish, content[stored:]).status == 201
    serves(line, content)


@pytest.mark.parametrize("attempt", range(3))
def test_a_slow_put_does_not_cut_what_another_put_has_finished(line: Line, other: Line, attempt: int) -> None:
    large = random.Random(attempt).randbytes(40 * _MEGABYTE)
    content = large + b"the end"
    location = begin(other)
    assert ask(line, "PATCH", location, large).status == 202
    line.begin(Asked(method="PUT", target=f"{location}?digest={digest_of(large, 'sha512')}"))
    time.sleep(0.01)
    quick = ask(other, "PUT", f"{location}?digest={digest_of(content)}", b"the end")
    slow = line.end()
    assert (quick.status, slow.status) in ((201, 404), (201, 416), (416, 201), (404, 201), (400, 201))
    if quick.status == 201:
        serves(other, content)
    else:
        serves(other, large, "sha512")


def serves(line: Line, content: bytes, algorithm: str = "sha256") -> None:
    """The blob is right here, and for another project that pushes it."""
    digest = digest_of(content, algorithm)
    target = f"/v2/{OTHER}/blobs/uploads/?digest={digest}"
    here = ask(line, "GET", f"/v2/{REPOSITORY}/blobs/{digest}")
    assert ask(line, "POST", target, content).status == 201
    there = ask(line, "GET", f"/v2/{OTHER}/blobs/{digest}")
    for answer in (here, there):
        right = answer.body == content
        assert (answer.status, len(answer.body), right) == (200, len(content), True)


_LEASED = sa.select(Upload.id).where(Upload.id == sa.bindparam("id"), Upload.lease_holder.is_not(None))
