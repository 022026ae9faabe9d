"""Tar archives: what others write is read as it was meant, and nothing hostile costs more than the limits."""

import tarfile
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.oci.limits import ARCHIVE_ENTRIES, HEADER_EXTENSION_BYTES
from app.oci.tar_entries import tar_entries
from app.oci.unpacking import ArchiveRefused, PlainSource
from tests.support.archives import BLOCK, header, member, tar, tar_of

END = bytes(2 * BLOCK)


def read(archive: bytes) -> list[tuple[str, bytes]]:
    return [(entry.name, entry.read(entry.size)) for entry in tar_entries(PlainSource(archive))]


def refused(archive: bytes) -> str:
    with pytest.raises(ArchiveRefused) as refusal:
        read(archive)
    return str(refusal.value)


@given(
    st.lists(
        st.tuples(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1), st.binary())
    ),
    st.sampled_from((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT)),
)
def test_what_python_writes_is_read_as_it_was_meant(files: list[tuple[str, bytes]], form: int) -> None:
    assert read(tar(files, form)) == files


def test_long_names_of_every_format() -> None:
    name = "a" * 90 + "/" + "b" * 90
    for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        assert read(tar({name: b"content"}, form)) == [(name, b"content")]


def test_a_checksum_may_be_of_signed_bytes() -> None:
    signed = bytearray(header(b"n\xc3\xa9"))
    signed[148:156] = b"%06o\0 " % (int(signed[148:154], 8) - 2 * 256)
    assert read(bytes(signed) + END) == [("né", b"")]


def test_content_that_is_not_read_is_passed_over() -> None:
    archive = tar({"first": b"x" * 200_000, "second": b"y"})
    assert [entry.name for entry in tar_entries(PlainSource(archive))] == ["first", "second"]


def test_an_archive_may_end_without_zeros() -> None:
    assert read(header(b"name")) == [("name", b"")]
    assert read(b"") == []


def test_kinds_of_entries() -> None:
    kinds = {
        b"0": "file",
        b"\0": "file",
        b"7": "file",
        b"1": "",
        b"2": "",
        b"3": "",
        b"4": "",
        b"5": "folder",
        b"6": "",
    }
    for kind, expected in kinds.items():
        (entry,) = tar_entries(PlainSource(header(b"name", kind) + END))
        assert ("file" if entry.is_regular else "folder" if entry.is_folder else "") == expected, kind
    (old_folder,) = tar_entries(PlainSource(header(b"name/", b"\0") + END))
    assert old_folder.is_folder


def test_a_link_has_no_content_whatever_its_size() -> None:
    assert read(header(b"link", b"2", b"%011o\0" % 512) + header(b"next") + END) == [("link", b""), ("next", b"")]


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (b"x" * BLOCK, "no intact tar"),
        (header(b"name")[:100], "middle of a tar header"),
        (header(b"name", size=b"%011o\0" % 10) + b"short", "middle of an entry"),
        (header(b"name", size=b"\x80" + b"\x7f" * 11), "middle of an entry"),
        (header(b"name", size=b"\xff" * 12), "negative"),
        (header(b"name", size=b"12x45678901\0"), "no intact tar"),
        (bytes(BLOCK) + header(b"name"), "block of zeros"),
        (header(b"name", b"S"), "sparse"),
        (header(b"", b"x", b"%011o\0" % 26) + b"26 GNU.sparse.name=secret\n".ljust(BLOCK, b"\0"), "sparse"),
        (header(b"", b"x", b"%011o\0" % 10) + b"99 path=x\n".ljust(BLOCK, b"\0"), "PAX"),
        (header(b"", b"x", b"%011o\0" % 10) + b"no length\n".ljust(BLOCK, b"\0"), "PAX"),
        (header(b"", b"x", b"%011o\0" % 3) + b"0 a".ljust(BLOCK, b"\0"), "PAX"),
        (header(b"", b"x", b"%011o\0" % 11) + b"11 size=-1\n".ljust(BLOCK, b"\0") + header(b"name"), "PAX"),
        (header(b"", b"x", b"%011o\0" % 2**32), "name or header"),
        (header(b"", b"L", b"\x80" + b"\0" * 4 + b"\x7f" * 7), "name or header"),
        (header(b"", b"g", b"%011o\0" % (HEADER_EXTENSION_BYTES + 1)), "name or header"),
    ],
)
def test_damaged_and_hostile_archives_are_refused(archive: bytes, why: str) -> None:
    assert why in refused(archive)


@pytest.mark.parametrize("kind", [b"0", b"x", b"L", b"g"])
def test_the_number_of_headers_is_bounded(kind: bytes) -> None:
    assert "entries" in refused(header(b"name", kind) * (ARCHIVE_ENTRIES + 1) + END)


def test_all_records_together_are_bounded() -> None:
    records = b"6 a=b\n" * 10_000
    extended = header(b"", b"x", b"%011o\0" % len(records)) + records.ljust(60_416, b"\0")
    assert read(extended * 17 + header(b"name") + END) == [("name", b"")]
    assert "long names and headers" in refused(extended * 18 + header(b"name") + END)


def test_a_huge_size_that_is_said_takes_no_memory() -> None:
    archive = header(b"name", size=b"%011o\0" % (8**11 - 1)) + bytes(1024 * 1024)
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveRefused):
            list(tar_entries(PlainSource(archive)))
        assert tracemalloc.get_traced_memory()[1] < 1024 * 1024
    finally:
        tracemalloc.stop()


def test_of_two_pax_records_the_last_counts_and_an_empty_one_none() -> None:
    twice = b"10 path=a\n10 path=b\n"
    pax = header(b"", b"x", b"%011o\0" % len(twice)) + twice.ljust(BLOCK, b"\0")
    assert read(pax + header(b"name") + header(b"other") + END) == [("b", b""), ("other", b"")]
    empty = header(b"", b"x", b"%011o\0" % 8) + b"8 path=\n".ljust(BLOCK, b"\0")
    assert read(empty + header(b"name") + END) == [("name", b"")]


def test_global_records_rename_nothing() -> None:
    renamed = header(b"", b"g", b"%011o\0" % 10) + b"10 path=a\n".ljust(BLOCK, b"\0")
    assert read(renamed + header(b"name") + END) == [("name", b"")]


@given(st.binary(max_size=3 * BLOCK))
def test_any_bytes_are_read_or_refused(archive: bytes) -> None:
    try:
        read(archive)
    except ArchiveRefused:
        return


@given(st.integers(0, BLOCK - 1), st.integers(0, 255))
def test_any_changed_byte_is_read_or_refused(position: int, byte: int) -> None:
    archive = bytearray(tar_of([member("name", b"content")]))
    archive[position] = byte
    try:
        assert read(bytes(archive)) == [("name", b"content")]
    except ArchiveRefused:
        return
