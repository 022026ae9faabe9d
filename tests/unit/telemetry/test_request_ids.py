"""Ids of requests: version 4 UUIDs, others in every process."""

import os
import uuid

from app.telemetry.request_ids import RequestIds


def test_ids_are_random_uuids() -> None:
    ids = RequestIds()
    made = [ids.new() for _ in range(1000)]
    assert len(set(made)) == 1000
    assert {(uuid.UUID(text).version, uuid.UUID(text).variant) for text in made} == {(4, uuid.RFC_4122)}
    assert [str(uuid.UUID(text)) for text in made] == made


def test_forked_processes_make_ids_of_their_own() -> None:
    ids = RequestIds()
    reader, writer = os.pipe()
    for _ in range(3):
        child = os.fork()
        if child == 0:
            os.write(writer, f"{ids.new()}\n".encode())
            os._exit(0)
        os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as stream:
        assert len({ids.new(), *stream.read().split()}) == 4
