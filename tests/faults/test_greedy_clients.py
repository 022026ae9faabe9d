"""Clients that ask for more than they may: headers, lengths and bodies without end, and memory of the web processes."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults import logs, soundness
from tests.faults.conftest import create_project, eventually
from tests.faults.wire import Underway
from tests.support.blobs import begin, content_of, digest_of, push
from tests.support.instance import Instance, running
from tests.support.manifests import OCI_MANIFEST, push_image

_MEGABYTE = 1024 * 1024
_CHUNK = 64 * 1024
_ALLOWED_MEGABYTES = 64
"""What a web process may grow by meanwhile: threads' buffers of 256 KiB, the cache of manifests, some slack."""


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The installation that these clients talk to; at their end it is sound, small, and has not been surprised."""
    with running(tmp_path_factory.mktemp("greedy") / "data") as started:
        name = f"{create_project(started)}/warm"
        with started.client() as client:
            for number in range(20):
                push_image(client, name, f"v{number}", seed=number)
        pids, before = started.pids("gunicorn"), _megabytes(started)
        yield started
        grown = _megabytes(started) - before
        assert started.pids("gunicorn") == pids, "none was replaced"
        assert grown < _ALLOWED_MEGABYTES * len(pids), f"the web processes grew by {grown:.0f} MB"
        assert {entry["status"] for entry in logs.events(started, "request") if entry["status"] >= 500} == set()
        assert logs.traces(started) == []
        with soundness.database_of(started) as database:
            assert soundness.faults(database, started.folder / "blobs") == []


@pytest.fixture
def name(instance: Instance) -> str:
    """A repository of this test alone."""
    return f"{create_project(instance)}/app"


@pytest.fixture
def client(instance: Instance) -> Iterator[httpx.Client]:
    """A client that behaves."""
    with instance.client() as made:
        yield made


@pytest.mark.parametrize(
    "headers",
    [
        (f"X-Long: {'x' * 60_000}",),
        tuple(f"X-{number}: {'x' * 100}" for number in range(500)),
        (f"X-Endless: {'x' * 4_000_000}",),
        tuple(f"X-{number}: {'x' * 11_000}" for number in range(8)),
    ],
    ids=["one long", "very many", "endless", "much together"],
)
def test_headers_without_measure_are_refused(
    instance: Instance, client: httpx.Client, headers: tuple[str, ...]
) -> None:
    with Underway(instance, "GET", "/v2/", *headers) as request:
        with _cut_is_fine():
            request.send()
        answer = request.answer()
    assert answer is None or 400 <= answer[0] < 500
    assert client.get("/v2/").status_code == 200


def test_an_address_without_measure_is_refused(instance: Instance, client: httpx.Client) -> None:
    with Underway(instance, "GET", f"/v2/{'x' * 100_000}/tags/list") as request:
        request.send()
        answer = request.answer()
    assert answer is None or 400 <= answer[0] < 500
    assert client.get("/v2/").status_code == 200


@pytest.mark.parametrize("length", [str(2**40), str(2**63), str(2**64 + 5), "9" * 5000], ids=len)
def test_a_length_nobody_has_is_a_body_cut_short(
    instance: Instance, client: httpx.Client, name: str, length: str
) -> None:
    content = content_of(100_000, 1)
    location = begin(client, name)
    with Underway(instance, "PATCH", location, f"Content-Length: {length}", body=content) as request:
        with _cut_is_fine():
            request.send()
            request.half_close()
        answer = request.answer()
    assert answer is None or answer[0] in {400, 413}
    kept = eventually(lambda: client.get(location).headers["Range"])
    assert kept in {"0-0", f"0-{len(content) - 1}"}
    _finish(client, location, content)


@pytest.mark.parametrize("coded", [True, False], ids=["chunked", "with a length"])
def test_a_manifest_beyond_the_limit_is_not_taken_in(
    instance: Instance, client: httpx.Client, name: str, coded: bool
) -> None:
    framing = "Transfer-Encoding: chunked" if coded else f"Content-Length: {200 * _MEGABYTE}"
    headers = (f"Content-Type: {OCI_MANIFEST}", framing)
    piece = b" " * _CHUNK
    sent = 0
    with Underway(instance, "PUT", f"/v2/{name}/manifests/big", *headers) as request:
        with _cut_is_fine():
            request.send()
            while sent < 200 * _MEGABYTE:
                request.send_bytes(b"%x\r\n%s\r\n" % (_CHUNK, piece) if coded else piece)
                sent += _CHUNK
        answer = request.answer()
    assert answer is None or answer[0] == 413
    assert sent < 32 * _MEGABYTE, "the connection was cut long before the end"
    assert client.get(f"/v2/{name}/manifests/big").status_code == 404


def test_chunk_headers_and_trailers_without_end(instance: Instance, client: httpx.Client, name: str) -> None:
    for garbage in (b"5;" + b"x" * 2_000_000, b"0\r\n" + b"X-Trailer: y\r\n" * 200_000):
        location = begin(client, name)
        with Underway(instance, "PATCH", location, "Transfer-Encoding: chunked") as request:
            with _cut_is_fine():
                request.send()
                request.send_bytes(garbage)
            answer = request.answer()
        assert answer is None or answer[0] == 400
        _finish(client, location, content_of(1000, 2))


def test_large_uploads_side_by_side_take_no_memory(instance: Instance, client: httpx.Client, name: str) -> None:
    before = _megabytes(instance)
    content = content_of(8 * _MEGABYTE, 3)
    requests = [Underway(instance, "PATCH", begin(client, name), body=content) for _ in range(12)]
    for _ in range(8):
        for request in requests:
            request.send(_MEGABYTE - 100)
    grown = _megabytes(instance) - before
    for request in requests:
        request.send()
        assert request.answer() == (202, b"")
        request.close()
    assert grown < _ALLOWED_MEGABYTES, "96 MB were under way"
    push(client, name, content)


class _cut_is_fine:  # noqa: N801 - reads as a statement
    """The server may cut the connection while we send."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, OSError)


def _finish(client: httpx.Client, location: str, content: bytes) -> None:
    """Send what is missing; a session may still be the cut request's for a moment."""
    digest = digest_of(content)

    def sent() -> bool:
        last = int(client.get(location).headers["Range"].removeprefix("0-"))
        answer = client.put(location, params={"digest": digest}, content=content[last + 1 if last else 0 :])
        assert answer.status_code in {201, 416}, answer.text
        return answer.status_code == 201

    eventually(sent, seconds=30)


def _megabytes(instance: Instance) -> float:
    """What the web processes hold of memory that is their own."""
    total = 0
    for pid in instance.pids("gunicorn"):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        total += sum(int(size) for size in re.findall(r"^Private_(?:Clean|Dirty):\s+(\d+) kB", rollup, re.MULTILINE))
    return total / 1024
