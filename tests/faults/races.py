"""Two operations at once on one upload session, then its end as an honest client brings it about, then the bytes."""

import hashlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final, Self

import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.context import Context, Ports
from app.garbage.contracts import UPLOAD_PURGE_JOB, PurgeInput
from app.garbage.uploads import UploadPurge
from app.jobs.runs import JobRun
from app.storage.models import IS_LIVE, Blob, Upload
from tests.faults.lines import Answer, Asked, Line
from tests.support.blobs import digest_of

ALGORITHMS: Final = ("sha256", "sha512")
_LARGEST: Final = 64 * 1024
_TRIES: Final = 100
_PAUSE: Final = 0.05
_PAUSES: Final = (0.0, 0.001, 0.004, 0.01)


class Operation(StrEnum):
    """What can happen to a session."""

    POST = "POST of the whole content, into a session of its own"
    PATCH_CHUNKED = "PATCH, chunked"
    PATCH_LENGTH = "PATCH with Content-Length"
    PATCH_RANGE = "PATCH with Content-Range"
    PUT_BODY = "PUT with the rest"
    PUT_BARE = "PUT without a body"
    DELETE = "DELETE"
    STATUS = "GET of the status"
    EXPIRY = "the purge of a session that expired"
    KILL = "kill -9 of the web processes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One race; everything else in it follows from ``seed``."""

    first: Operation
    second: Operation
    algorithm: str
    seed: int

    @property
    def kills(self) -> bool:
        """Whether web processes end in it."""
        return Operation.KILL in (self.first, self.second)


@dataclass(slots=True)
class Findings:
    """What all rounds saw."""

    broken: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def breach(self, place: Round, what: str) -> None:
        """A promise was broken."""
        with self.lock:
            self.broken.append(f"{place}: {what}")

    def count(self, what: str) -> None:
        """Count for the summary."""
        with self.lock:
            self.counts[what] += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What races are run on: the server, its tables and files, and how its processes are killed."""

    connect: Callable[[], Line]
    ports: Ports
    blobs: Path
    kill: Callable[[], None]


class Racer:
    """Runs rounds one after another in a repository of its own."""

    def __init__(self, ground: Ground, findings: Findings, repository: str, other: str) -> None:
        self._ground = ground
        self._findings = findings
        self._repository = repository
        self._other = other
        self._stack = ExitStack()
        self._lines = [self._stack.enter_context(ground.connect()) for _ in range(3)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, race: Round) -> None:
        """Race, finish, and look at the bytes."""
        chance = random.Random(race.seed)
        content = chance.randbytes(chance.randint(1, chance.choice((64, 4096, _LARGEST))))
        prefix = content[: chance.choice((0, len(content) // 2))]
        location = self._begin(race, race.algorithm)
        if prefix:
            self._expect(race, self._ask(race, Asked(method="PATCH", target=location, body=prefix)), {202})
        contents = {digest_of(each, algorithm): each for each in (b"", prefix, content) for algorithm in ALGORITHMS}
        rivals = _Rivals(location, content, prefix, chance)
        asked = [self._prepared(rivals, kind) for kind in (race.first, race.second)]
        acknowledged = self._race(race, asked, chance)
        final = digest_of(content, race.algorithm if chance.random() < 0.7 else chance.choice(ALGORITHMS))
        self._finish(race, location, content, final)
        for digest in {final} | acknowledged:
            self._verify(race, digest, contents[digest])

    def _prepared(self, rivals: "_Rivals", kind: Operation) -> "Asked | Callable[[], None]":
        if kind is Operation.KILL:
            return self._ground.kill
        if kind is Operation.EXPIRY:
            return lambda: self._expire(rivals.location.rpartition("/")[2])
        return rivals.asked(kind, f"/v2/{self._repository}/blobs/uploads/")

    def _race(self, race: Round, asked: "list[Asked | Callable[[], None]]", chance: random.Random) -> set[str]:
        """Begin both, end both in some order; returns the digests that were answered with 201."""
        answers: list[Answer] = []
        order = chance.choice(((0, 1), (1, 0)))
        for number, one in enumerate(asked):
            if isinstance(one, Asked):
                self._lines[number].begin(one, chance.choice((0.0, 0.5, 0.5, 1.0)))
                time.sleep(chance.choice(_PAUSES))
            else:
                one()
        for number in order:
            one = asked[number]
            if isinstance(one, Asked):
                answers.append(self._lines[number].end())
                self._judge(race, one, answers[-1])
        return {answer.headers["Docker-Content-Digest"] for answer in answers if answer.status == 201}

    def _judge(self, race: Round, asked: Asked, answer: Answer) -> None:
        self._findings.count(f"{asked.method} {answer.status}")
        if answer.status >= 500:
            self._findings.breach(
                race, f"{asked.method} {asked.target} answered {answer.status}: {answer.body[:300]!r}"
            )

    def _finish(self, race: Round, location: str, content: bytes, digest: str) -> None:
        """Resume the session if it can be, else begin again, until the content is taken."""
        status = self._ask(race, Asked(method="GET", target=location))
        resumable = status.status == 204 and status.offset <= len(content)
        if resumable and self._resumed(race, location, content, status.offset, digest):
            self._findings.count("sessions resumed")
            return
        self._findings.count("sessions begun again")
        again = Asked(method="PUT", target=f"{self._begin(race, 'sha256')}?digest={digest}", body=content)
        self._expect(race, self._ask(race, again), {201})

    def _resumed(self, race: Round, location: str, content: bytes, offset: int, digest: str) -> bool:
        if offset < len(content):
            stands = f"{offset}-{len(content) - 1}"
            rest = Asked(method="PATCH", target=location, body=content[offset:], content_range=stands)
            if self._expect(race, self._ask(race, rest), {202, 404, 416}).status != 202:
                return False
        done = self._ask(race, Asked(method="PUT", target=f"{location}?digest={digest}"))
        return self._expect(race, done, {201, 400, 404, 416}).status == 201

    def _verify(self, race: Round, digest: str, content: bytes) -> None:
        """The bytes as served, as stored, and as another project gets them that pushes them too."""
        self._compare(race, f"/v2/{self._repository}/blobs/{digest}", content)
        for row in self._ground.ports.db.rows(_STORED, {"digest": digest}):
            stored = (self._ground.blobs / row.key).read_bytes()
            if (len(stored), _hashed(stored, digest)) != (row.size, digest):
                self._findings.breach(race, f"{digest}: the file has {len(stored)} bytes of {row.size}, or others")
        target = f"/v2/{self._other}/blobs/uploads/?digest={digest}"
        pushed = self._ask(race, Asked(method="POST", target=target, body=content))
        if content:
            self._expect(race, pushed, {201})
            self._compare(race, f"/v2/{self._other}/blobs/{digest}", content)

    def _compare(self, race: Round, path: str, content: bytes) -> None:
        answer = self._ask(race, Asked(method="GET", target=path))
        if (answer.status, answer.body) != (200, content):
            wrong = f"{answer.status}, {len(answer.body)} bytes of {len(content)}"
            self._findings.breach(race, f"WRONG BYTES under {path}: {wrong}")

    def _begin(self, race: Round, algorithm: str) -> str:
        target = f"/v2/{self._repository}/blobs/uploads/?digest-algorithm={algorithm}"
        return self._expect(race, self._ask(race, Asked(method="POST", target=target)), {202}).headers["Location"]

    def _ask(self, race: Round, asked: Asked) -> Answer:
        """As a client that comes again while no process is there."""
        answer = self._lines[2].ask(asked)
        for _ in range(_TRIES):
            if answer.status:
                break
            time.sleep(_PAUSE)
            answer = self._lines[2].ask(asked)
        if not answer.status or answer.status >= 500:
            self._findings.breach(race, f"{asked.method} {asked.target} was not settled: {answer.status}")
        return answer

    def _expect(self, race: Round, answer: Answer, statuses: set[int]) -> Answer:
        if answer.status not in statuses:
            self._findings.breach(race, f"answered {answer.status} {answer.body[:300]!r}, not {statuses}")
        return answer

    def _expire(self, upload: str) -> None:
        ctx = Context(self._ground.ports, SYSTEM)
        old = ctx.ports.clock.now() - timedelta(days=30)
        with ctx.write() as session:
            session.execute(_AGE, {"id_": upload, "old": old})
        run = JobRun(ctx, f"races-{upload}", UPLOAD_PURGE_JOB.workflow)
        UploadPurge(run, PurgeInput(expiry_seconds=86_400, finished_seconds=86_400)).run(lambda: True)


class _Rivals:
    """The requests of one round."""

    def __init__(self, location: str, content: bytes, prefix: bytes, chance: random.Random) -> None:
        self.location = location
        self._content = content
        self._prefix = prefix
        self._chance = chance

    def asked(self, kind: Operation, uploads: str) -> Asked:
        """One request of that kind, honest or stale."""
        rest, at = self._content[len(self._prefix) :], len(self._prefix)
        body = rest if self._chance.random() < 0.8 else self._chance.randbytes(len(rest) + 100)
        algorithm = self._chance.choice(ALGORITHMS)
        stands = f"{at}-{at + len(body) - 1}"
        stale = self._chance.choice((b"", self._prefix, self._prefix, self._content))
        finish = f"{self.location}?digest={digest_of(self._content, algorithm)}"
        of_kind: Mapping[Operation, Asked] = {
            Operation.POST: Asked(
                method="POST", target=f"{uploads}?digest={digest_of(self._content, algorithm)}", body=self._content
            ),
            Operation.PATCH_CHUNKED: Asked(method="PATCH", target=self.location, body=body, chunked=True),
            Operation.PATCH_LENGTH: Asked(method="PATCH", target=self.location, body=body),
            Operation.PATCH_RANGE: Asked(method="PATCH", target=self.location, body=body, content_range=stands),
            Operation.PUT_BODY: Asked(method="PUT", target=finish, body=rest, chunked=self._chance.random() < 0.5),
            Operation.PUT_BARE: Asked(method="PUT", target=f"{self.location}?digest={digest_of(stale, algorithm)}"),
            Operation.DELETE: Asked(method="DELETE", target=self.location),
            Operation.STATUS: Asked(method="GET", target=self.location),
        }
        return of_kind[kind]


def _hashed(content: bytes, digest: str) -> str:
    algorithm = digest.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


_STORED = sa.select(Blob.key, Blob.size).where(Blob.digest == sa.bindparam("digest"), IS_LIVE)
_AGE = sa.update(Upload).where(Upload.id == sa.bindparam("id_")).values(update_time=sa.bindparam("old"))
