"""Archives of charts: the files that helm would read are shown, and what helm refuses is refused."""

import tarfile
import time

import pytest

from app.oci.charts import chart_files
from app.oci.limits import CHART_FILE_BYTES
from tests.support.archives import chart, header, member, packed, tar, tar_of
from tests.support.hostile_archives import HOSTILE

MOST_SECONDS = 3
"""Many times what the slowest takes."""


def refused(archive: bytes) -> str:
    files = chart_files(archive)
    assert files.contents == {}
    return files.refused


def test_values_and_readme_are_found() -> None:
    files = chart_files(chart({"values.yaml": b"a: 1\n", "README.md": b"# Web\n", "templates/x.yaml": b""}))
    assert files.contents == {"values.yaml": b"a: 1\n", "readme.md": b"# Web\n"}
    assert (files.refused, files.too_large, files.cost) == ("", frozenset(), 11)


def test_those_of_charts_inside_are_not() -> None:
    inside = {"charts/db/values.yaml": b"x", "charts/db/README.md": b"x", "docs/README.md": b"x"}
    assert chart_files(chart(inside)).contents == {}


def test_names_are_compared_as_helm_does() -> None:
    assert chart_files(chart({"Values.yaml": b"x", "ReadMe.MD": b"y"})).contents == {"readme.md": b"y"}
    assert chart_files(packed(tar({r"web\values.yaml": b"x"}))).contents == {"values.yaml": b"x"}
    assert chart_files(packed(tar({"web/./a/../values.yaml": b"x"}))).contents == {"values.yaml": b"x"}
    assert chart_files(packed(tar({"/values.yaml": b"x"}))).contents == {"values.yaml": b"x"}


def test_of_two_values_the_last_counts_and_of_two_readmes_the_first() -> None:
    twice = [("values.yaml", b"1"), ("README.md", b"1"), ("values.yaml", b"2"), ("readme.md", b"2")]
    assert chart_files(chart(twice)).contents == {"values.yaml": b"2", "readme.md": b"1"}


def test_a_large_file_is_not_shown_the_others_are() -> None:
    large = b"x" * (CHART_FILE_BYTES + 1)
    files = chart_files(chart({"values.yaml": large, "README.md": b"y", "large.bin": large}))
    assert (files.contents, files.too_large) == ({"readme.md": b"y"}, frozenset({"values.yaml"}))
    again = chart_files(chart([("values.yaml", large), ("values.yaml", b"x")]))
    assert (again.contents, again.too_large) == ({"values.yaml": b"x"}, frozenset())
    first = chart_files(chart([("README.md", large), ("README.md", b"x")]))
    assert (first.contents, first.too_large) == ({}, frozenset({"readme.md"}))


def test_a_byte_order_mark_is_not_shown() -> None:
    assert chart_files(chart({"values.yaml": b"\xef\xbb\xbfa: 1"})).contents == {"values.yaml": b"a: 1"}


@pytest.mark.parametrize(
    "name",
    ["web//etc/passwd", "web/../../etc/passwd", "web/..", "..", "values.yaml", "web/c:/x", "Chart.yaml", "web/../x"],
)
def test_paths_that_helm_refuses_refuse_the_archive(name: str) -> None:
    assert refused(packed(tar([("web/values.yaml", b"x"), (name, b"x")])))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_passed_over_but_not_shown(kind: bytes) -> None:
    elsewhere = [member("web/other", type=kind, linkname="/etc/passwd"), member("web/values.yaml", b"x")]
    assert chart_files(packed(tar_of(elsewhere))).contents == {"values.yaml": b"x"}
    shown = [member("web/README.md", b"y"), member("web/values.yaml", type=kind, linkname="/etc/passwd")]
    assert "link or device" in refused(packed(tar_of(shown)))


def test_a_folder_of_that_name_is_none() -> None:
    assert chart_files(packed(tar_of([member("web/values.yaml", type=tarfile.DIRTYPE)]))).contents == {}


def test_an_archive_that_is_damaged_anywhere_shows_nothing() -> None:
    good = tar({"web/values.yaml": b"x"})[:1024]
    assert "no intact tar" in refused(packed(good + b"x" * 512))
    assert "no intact gzip" in refused(b"web")
    assert refused(b"") == ""
    assert "middle" in refused(packed(good + header(b"web/x", size=b"%011o\0" % 8**10)))


def test_what_follows_the_end_of_the_archive_is_not_read() -> None:
    assert chart_files(chart({"values.yaml": b"x"}) + b"more").contents == {"values.yaml": b"x"}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_archive_takes_long(hostile: str) -> None:
    archive = HOSTILE[hostile]()
    started = time.thread_time()
    assert chart_files(archive).contents == {}
    assert time.thread_time() - started < MOST_SECONDS


def test_a_bomb_is_cut_at_the_limit() -> None:
    assert "unpacks to more than" in refused(HOSTILE["bomb"]())
    assert "name or header" in refused(HOSTILE["pax bomb"]())
    assert "long names and headers" in refused(HOSTILE["pax records"]())
    assert "entries" in refused(HOSTILE["many entries"]())
    assert "gzip streams" in refused(HOSTILE["many members"]())
