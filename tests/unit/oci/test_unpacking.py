"""Gzip streams: all members are read as one, and a bomb costs no more than the limit."""

import gzip
import io
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.oci.limits import GZIP_MEMBERS
from app.oci.unpacking import ArchiveRefused, GzipSource
from tests.support.archives import packed


def unpacked(content: bytes, limit: int = 2**20, piece: int = 10_000) -> bytes:
    source, parts = GzipSource(content, limit), []
    while part := source.read(piece):
        parts.append(part)
    return b"".join(parts)


def read_to_the_end(source: GzipSource) -> None:
    while source.read(64 * 1024):
        pass


@given(st.lists(st.binary(max_size=100_000), min_size=1, max_size=4), st.integers(1, 100_000))
def test_members_are_read_one_after_another(parts: list[bytes], piece: int) -> None:
    assert unpacked(b"".join(map(packed, parts)), piece=piece) == b"".join(parts)


def test_a_header_with_a_name_and_a_comment() -> None:
    written = io.BytesIO()
    with gzip.GzipFile(filename="web-1.2.3.tgz", fileobj=written, mode="wb", mtime=1) as file:
        file.write(b"content")
    assert unpacked(written.getvalue()) == b"content"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"plain text", "no intact gzip"),
        (packed(b"x" * 1000)[:-9], "middle of a gzip"),
        (packed(b"x")[:5], "middle of a gzip"),
        (packed(b"x") + b"more", "no intact gzip"),
        (packed(b"x")[:-4] + b"\xff" * 4, "no intact gzip"),
        (packed(b"") * (GZIP_MEMBERS + 1), "gzip streams"),
        (zlib.compress(b"not gzip but zlib"), "no intact gzip"),
    ],
)
def test_damaged_streams_are_refused(content: bytes, why: str) -> None:
    with pytest.raises(ArchiveRefused, match=why):
        unpacked(content)


def test_a_bomb_is_refused_at_the_limit_and_takes_no_memory() -> None:
    bomb = packed(bytes(64 * 1024 * 1024))
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveRefused, match="unpacks to more than 33554432 bytes"):
            read_to_the_end(GzipSource(bomb, 32 * 1024 * 1024))
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=500))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        unpacked(content)
    except ArchiveRefused:
        return
