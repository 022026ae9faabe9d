"""What is measured of lists of repositories and artifacts, and the deletion of an artifact with many tags."""

import json
import statistics
import time
from collections.abc import Callable
from typing import Final

from tests.bench.api import content
from tests.bench.api.rows import CALLS, Measure, Row
from tests.bench.api.scene import ADMIN, CROWD, ORDINARY, Scene, Size
from tests.bench.client import Answer, UnexpectedAnswer

_FIFTEEN: Final = 15
_WARM: Final = 30
_DELETIONS: Final = 3
_ROOT: Final = "/api/v2.0"
_IMAGES: Final = f"/projects/{CROWD}/repositories/{content.IMAGES}/artifacts?with_label=true&with_accessory=true"
_ORDERS: Final = {"name": "by name", "-update_time": "changed last", "-pull_count": "pulled most"}
_Page = Callable[[Size], int]


def content_rows() -> list[Row]:
    """All of them, in the order of the report."""
    few = (
        Size(projects=200, users=2_000, members=200, artifacts=100),
        Size(projects=2_000, users=20_000, members=2_000, artifacts=1_000),
    )
    many = (
        Size(projects=1_000, users=2_000, members=200, artifacts=1_000, services=10_000),
        Size(projects=10_000, users=20_000, members=2_000, artifacts=10_000, services=100_000),
    )
    return [
        Row(title="artifacts, first 15 of 1,000", measure=_pages(_IMAGES), goal=7, harbor=9.8, sizes=few),
        Row(title="artifacts, last 15 of 1,000", measure=_pages(_IMAGES, _last_artifact), goal=8, sizes=few),
        Row(title="artifacts, first 15 of 10,000", measure=_pages(_IMAGES), goal=8, sizes=many),
        Row(title="artifacts, last 15 of 10,000", measure=_pages(_IMAGES, _last_artifact), goal=15, sizes=many),
        Row(title="artifacts of a tag", measure=_pages(f"{_IMAGES}&q=tags=v77", found=1), goal=15, sizes=many),
        Row(title="artifacts of all projects", measure=_pages("/artifacts?with_tag=true"), goal=15, sizes=many),
        Row(title="repositories, first 15 of 100,000", measure=_pages("/repositories?"), goal=8, sizes=many),
        Row(title="repositories, last 15", measure=_pages("/repositories?", _last_service), goal=8, sizes=many),
        *(
            Row(title=f"repositories {words}", measure=_pages(f"/repositories?sort={order}"), goal=8, sizes=many)
            for order, words in _ORDERS.items()
        ),
        Row(title="repositories of one project, middle", measure=_pages(_of_one(), _middle), goal=8, sizes=many),
        Row(title="a person's repositories", measure=_pages("/repositories?", name=ORDINARY), goal=15, sizes=many),
        Row(title="delete an artifact with 1,000 tags", measure=_deletions, goal=300, sizes=few),
    ]


def _of_one() -> str:
    return f"/projects/{content.ALL_IN_ONE}/repositories?sort=name"


def _first(_size: Size) -> int:
    return 1


def _last_artifact(size: Size) -> int:
    return size.artifacts // _FIFTEEN


def _last_service(size: Size) -> int:
    return size.services // _FIFTEEN


def _middle(size: Size) -> int:
    """Half of the repositories are in the one project."""
    return size.services // 4 // _FIFTEEN


def _pages(path: str, page: _Page = _first, *, found: int = _FIFTEEN, name: str = ADMIN) -> Measure:
    """A page of fifteen that holds ``found`` items, in the name of somebody."""

    def measure(scene: Scene, size: Size) -> float:
        target = f"{_ROOT}{path}&page_size={_FIFTEEN}&page={page(size)}"
        with scene.connection(scene.session(name)) as connection:

            def call() -> Answer:
                return connection.request("GET", target).expect(200)

            shown = len(json.loads(call().body))
            if shown != found:
                raise UnexpectedAnswer(f"{shown} instead of {found} items at {target}")
            for _ in range(_WARM):
                call()
            return statistics.median(_seconds(call) for _ in range(CALLS)) * 1000

    return measure


def _deletions(scene: Scene, _size: Size) -> float:
    seconds = []
    with scene.connection(scene.basic(ADMIN)) as connection:
        connection.request("GET", f"{_ROOT}/users/current").expect(200)
        for _ in range(_DELETIONS):
            with scene.ports.db.write() as session:
                digest = content.add_tagged(session, CROWD)
            target = f"{_ROOT}/projects/{CROWD}/repositories/{content.TAGGED}/artifacts/{digest}"
            seconds.append(_seconds(lambda target=target: connection.request("DELETE", target).expect(200)))  # type: ignore[misc] # mypy does not infer the default
    return statistics.median(seconds) * 1000


def _seconds(call: Callable[[], Answer]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
