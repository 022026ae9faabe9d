"""A list whose rows cannot be shortened is refused beyond 4 MiB; a single row never is."""

from collections.abc import Iterator

import pytest

from app.core.errors import LimitError
from app.web.blueprint import _json_list

_MEGABYTE = 1024 * 1024


def test_rows_up_to_the_limit_are_written() -> None:
    body = _json_list([{"text": "x" * _MEGABYTE}] * 3).get_data()
    assert (body[:10], body[-3:]) == (b'[{"text":"', b"}]\n")
    assert _json_list([]).get_data() == b"[]\n"
    assert _json_list([{"number": 2**70}]).get_data() == b'[{"number": 1180591620717411303424}]\n'


def test_more_is_refused_before_all_of_it_is_made() -> None:
    made = []

    def rows() -> Iterator[dict[str, str]]:
        for number in range(100):
            made.append(number)
            yield {"text": "x" * _MEGABYTE}

    with pytest.raises(LimitError, match="page_size"):
        _json_list(rows())
    assert len(made) == 4


def test_one_row_is_always_written() -> None:
    assert len(_json_list([{"text": "x" * 5 * _MEGABYTE}]).get_data()) > 5 * _MEGABYTE
