"""What is measured of the management API: calls on one kept-alive connection, and how fast projects are made."""

import itertools
import json
import statistics
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from threading import Barrier
from typing import Final

from tests.bench.api.scene import ADMIN, CROWD, FORM, HOURS, MADE, ORDINARY, Scene, Size, login_form, user_name
from tests.bench.client import Answer, Connection, UnexpectedAnswer

CALLS: Final = 20
_WARM: Final = 30
_CLIENTS: Final = 4
_EACH: Final = 40
_ROOT: Final = "/api/v2.0"
_JSON: Final = "application/json"
_TEN: Final = 10
_FIFTEEN: Final = 15
_HUNDRED: Final = 100
_TEXTS: Final = ("project", "service-7", "ice-7-77", "pr", "nowhere")
_USERS: Final = f"&q=username=user-7,op_time={HOURS}"

_people: Final = itertools.count(2)

Measure = Callable[[Scene, Size], float]
Headers = Callable[[Scene], Mapping[str, str]]
Page = Callable[[Size], int]


class Unit(StrEnum):
    """Of a figure."""

    MS = "ms"
    PER_SECOND = "per s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure, measured at two sizes; titles are unique."""

    title: str
    sizes: tuple[Size, Size]
    """A tenth and the whole."""
    measure: Measure
    goal: float
    unit: Unit = Unit.MS
    harbor: float | None = None
    """The same of a Harbor, measured on such a machine."""

    def met(self, value: float) -> bool:
        """Whether the figure is as good as is wanted."""
        return value > self.goal if self.unit is Unit.PER_SECOND else value < self.goal


def rows() -> list[Row]:
    """All of them, in the order of the report."""
    two_thousand = (
        Size(projects=200, users=2_000, members=200),
        Size(projects=2_000, users=20_000, members=2_000),
    )
    ten_thousand = (
        Size(projects=1_000, users=2_000, members=200),
        Size(projects=10_000, users=20_000, members=2_000),
    )
    five_million = (
        Size(projects=1_000, users=2_000, members=200, audit=500_000),
        Size(projects=10_000, users=20_000, members=2_000, audit=5_000_000),
    )
    made = f"projects made per second by {_CLIENTS} clients"
    return [
        Row(title="projects, first 10 of 2,000", measure=_projects(_TEN), goal=4, harbor=5.4, sizes=two_thousand),
        Row(title="projects, last 10", measure=_projects(_TEN, _last_of_all), goal=4, harbor=5.5, sizes=two_thousand),
        Row(title="projects, first 100", measure=_projects(_HUNDRED), goal=15, harbor=32.4, sizes=two_thousand),
        Row(title="a person's, first 10 of 10,000 projects", measure=_seen(), goal=6, sizes=ten_thousand),
        Row(title="a person's, last 10", measure=_seen(_last_seen), goal=6, sizes=ten_thousand),
        Row(title="search of 100,000 repositories", measure=_search(ADMIN), goal=15, harbor=148, sizes=ten_thousand),
        Row(title="a person's search", measure=_search(ORDINARY), goal=15, sizes=ten_thousand),
        Row(title="audit, newest 10 of 5,000,000", measure=_audit(), goal=5, harbor=2.0, sizes=five_million),
        Row(title="audit, 10 of a user and a week", measure=_audit(_USERS), goal=20, sizes=five_million),
        Row(title="members, first 15 of 2,000", measure=_members(), goal=6, sizes=two_thousand),
        Row(title="members, last 15", measure=_members(_last_member), goal=6, sizes=two_thousand),
        Row(title="users, first 15 of 20,000", measure=_users(), goal=6, sizes=two_thousand),
        Row(title="users, last 15", measure=_users(_last_user), goal=6, sizes=two_thousand),
        Row(title="basic credentials, over a session", measure=_basic_adds, goal=0.5, harbor=93.7, sizes=two_thousand),
        Row(title="login, password hash included", measure=_login, goal=150, sizes=two_thousand),
        Row(title=made, measure=_made, goal=150, unit=Unit.PER_SECOND, harbor=20.5, sizes=two_thousand),
    ]


def _first(_size: Size) -> int:
    return 1


def _last_of_all(size: Size) -> int:
    return size.projects // _TEN


def _last_seen(size: Size) -> int:
    """Half of the projects are the person's, another tenth is public."""
    return size.projects * 6 // 10 // _TEN


def _last_member(size: Size) -> int:
    return size.members // _FIFTEEN


def _last_user(size: Size) -> int:
    return size.users // _FIFTEEN


def _projects(count: int, page: Page = _first) -> Measure:
    return _page("/projects", count, page, lambda scene: scene.session(ADMIN))


def _seen(page: Page = _first) -> Measure:
    return _page("/projects", _TEN, page, lambda scene: scene.session(ORDINARY))


def _members(page: Page = _first) -> Measure:
    return _page(f"/projects/{CROWD}/members", _FIFTEEN, page, lambda scene: scene.session(ADMIN))


def _users(page: Page = _first) -> Measure:
    return _page("/users", _FIFTEEN, page, lambda scene: scene.session(ADMIN))


def _search(name: str) -> Measure:
    """The slowest of texts that occur everywhere, in some names and in none, at the beginning and in the middle."""

    def measure(scene: Scene, _size: Size) -> float:
        with scene.connection(scene.session(name)) as connection:
            return max(_median(connection, f"{_ROOT}/search?q={text}") for text in _TEXTS)

    return measure


def _audit(q: str = "") -> Measure:
    """With the total, as every answer has it."""

    def measure(scene: Scene, _size: Size) -> float:
        with scene.connection(scene.session(ADMIN)) as connection:
            _call(connection, f"/auditlog-exts?page_size={_TEN}{q}", _TEN)
            return _median(connection, f"{_ROOT}/auditlog-exts?page_size={_TEN}{q}")

    return measure


def _median(connection: Connection, target: str) -> float:
    def call() -> Answer:
        return connection.request("GET", target).expect(200)

    for _ in range(_WARM):
        call()
    return statistics.median(_seconds(call) for _ in range(CALLS)) * 1000


def _page(path: str, count: int, page: Page, headers: Headers) -> Measure:
    def measure(scene: Scene, size: Size) -> float:
        with scene.connection(headers(scene)) as connection:
            call = _call(connection, f"{path}?page_size={count}&page={page(size)}", count)
            for _ in range(_WARM):
                call()
            return statistics.median(_seconds(call) for _ in range(CALLS)) * 1000

    return measure


def _call(connection: Connection, target: str, count: int) -> Callable[[], Answer]:
    """A call whose answer was seen to hold a full page."""
    found = len(json.loads(connection.request("GET", _ROOT + target).expect(200).body))
    if found != count:
        raise UnexpectedAnswer(f"{found} instead of {count} items at {target}")
    return lambda: connection.request("GET", _ROOT + target).expect(200)


def _seconds(call: Callable[[], Answer]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _basic_adds(scene: Scene, _size: Size) -> float:
    """In turns, so that both see the same machine."""
    target = f"/projects?page_size={_TEN}"
    with scene.connection(scene.session(ADMIN)) as one, scene.connection(scene.basic(ADMIN)) as other:
        session, basic = _call(one, target, _TEN), _call(other, target, _TEN)
        for _ in range(_WARM):
            session()
            basic()
        pairs = [(_seconds(session), _seconds(basic)) for _ in range(CALLS)]
    without = statistics.median(seconds for seconds, _ in pairs)
    return (statistics.median(seconds for _, seconds in pairs) - without) * 1000


def _login(scene: Scene, _size: Size) -> float:
    """Each time somebody else, whose password no process has just seen."""
    with scene.connection(scene.before_login()) as connection:

        def log_in() -> Answer:
            form = login_form(user_name(next(_people)))
            return connection.request("POST", "/c/login", form, kind=FORM).expect(200)

        return statistics.median(_seconds(log_in) for _ in range(CALLS)) * 1000


def _made(scene: Scene, _size: Size) -> float:
    together = Barrier(_CLIENTS + 1)

    def make(client: int) -> None:
        with scene.connection(scene.basic(ORDINARY)) as connection:
            connection.request("GET", _ROOT + "/users/current").expect(200)
            together.wait()
            for number in range(_EACH):
                body = json.dumps({"project_name": f"{MADE}{client}-{number}"}).encode()
                connection.request("POST", _ROOT + "/projects", body, kind=_JSON).expect(201)

    try:
        with ThreadPoolExecutor(_CLIENTS) as pool:
            results = [pool.submit(make, client) for client in range(_CLIENTS)]
            together.wait()
            started = time.perf_counter()
            for result in results:
                result.result()
            seconds = time.perf_counter() - started
        return _CLIENTS * _EACH / seconds
    finally:
        scene.remove_made()
