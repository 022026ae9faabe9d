"""What is answered with 201 is on the disk: seen from outside, by the system calls of the web processes."""

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.context import Ports
from tests.faults.test_upload_races import children_of
from tests.support.accounts import make_project, make_user
from tests.support.blobs import begin, content_of, digest_of
from tests.support.manifests import CONFIG, image, push_manifest
from tests.support.server import LiveServer

pytestmark = [
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace: deploy/tools/system.sh trace"),
]
NAME = "durable/app"
_SYNC = re.compile(r"^(\d+) +(f(?:data)?sync)\(\d+<([^>]*)>(\)? *= 0| <unfinished)?")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. f(?:data)?sync resumed>\) += 0")
_ANSWER = re.compile(r'^\d+ +(?:sendto|sendmsg|write|writev)\(.*?"HTTP/1\.1 (\d+) ')


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    return environment | {"HARBOR_STORAGE_FSYNC": "true"}


@pytest.fixture
def client(live_server: LiveServer, ports: Ports) -> Iterator[httpx.Client]:
    person = make_user(ports, "root", sysadmin=True)
    make_project(ports, "durable")
    with httpx.Client(base_url=live_server.url, auth=person.credentials, timeout=60) as made:
        yield made


@contextmanager
def traced(server: LiveServer, output: Path) -> Iterator[None]:
    """Write down what the web processes sync and send, those too that are about to be forked."""
    pids = [part for pid in (server.pid, *children_of(server.pid)) for part in ("-p", str(pid))]
    calls = "fsync,fdatasync,sendto,sendmsg,write,writev"
    command = ["strace", "-f", "-y", "-s", "32", "-e", f"trace={calls}", "-o", str(output), *pids]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        line = process.stderr.readline()
        if "attached" not in line:
            pytest.skip(f"strace may not attach here: {line}")
        time.sleep(0.5)
        try:
            yield
        finally:
            process.terminate()


def synced_before_each_201(trace: str) -> list[set[str]]:
    """The files whose sync had ended between one answer and the next, for those that were 201."""
    pending: dict[str, str] = {}
    synced: set[str] = set()
    found = []
    for line in trace.splitlines():
        if sync := _SYNC.match(line):
            if "unfinished" in line:
                pending[sync[1]] = sync[3]
            elif line.rstrip().endswith("= 0"):
                synced.add(sync[3])
        elif resumed := _RESUMED.match(line):
            synced.add(pending.pop(resumed[1]))
        elif answer := _ANSWER.match(line):
            if answer[1] == "201":
                found.append(synced)
            synced = set()
    return found


def test_files_folders_and_the_log_are_synced_before_each_201(
    client: httpx.Client, live_server: LiveServer, ports: Ports, tmp_path: Path
) -> None:
    small, large = content_of(1024), content_of(2_000_000)
    log = f"{ports.db.url.database}-wal"
    with traced(live_server, tmp_path / "trace"):
        for content in (small, CONFIG, large):
            put = client.put(begin(client, NAME), params={"digest": digest_of(content)}, content=content)
            assert put.status_code == 201
        location = begin(client, NAME)
        other = content_of(5000, seed=2)
        assert client.patch(location, content=other).status_code == 202
        assert client.put(location, params={"digest": digest_of(other)}).status_code == 201
        push_manifest(client, NAME, image(small), "latest")
    answers = synced_before_each_201((tmp_path / "trace").read_text(errors="replace"))
    assert len(answers) == 5
    assert all(log in synced for synced in answers)
    root = ports.settings.storage.path
    keys = [path for path in root.rglob("*") if path.is_file()]
    for synced in answers[:4]:
        files = [path for path in keys if str(path) in synced]
        assert len(files) == 1
        assert str(files[0].parent) in synced
