"""Headers of pages."""

import pytest

from app.core.paging import Listed, OffsetPage
from app.web.paging import page_headers

PATH = "/api/v2.0/projects"


def link(number: int, size: int, total: int, **arguments: str) -> str | None:
    listed: Listed[str] = Listed(items=(), total=total, page=OffsetPage(number=number, size=size))
    return page_headers(listed, PATH, arguments).get("Link")


def test_neighbours_are_written_as_harbor_does() -> None:
    assert link(2, 10, 25) == (
        '</api/v2.0/projects?page=1&page_size=10>; rel="prev" , </api/v2.0/projects?page=3&page_size=10>; rel="next"'
    )


@pytest.mark.parametrize(("number", "size", "total"), [(1, 10, 10), (1, 10, 0), (1, 1000, 500)])
def test_one_page_has_no_neighbours(number: int, size: int, total: int) -> None:
    assert link(number, size, total) is None


def test_a_page_longer_than_callers_may_ask_for_leads_to_one_that_they_may() -> None:
    assert link(1, 1000, 1001) == '</api/v2.0/projects?page=11&page_size=100>; rel="next"'


def test_the_query_stays_readable() -> None:
    assert link(1, 1, 2, q="name=~a,public=true", page="1") == (
        '</api/v2.0/projects?page=2&page_size=1&q=name=~a,public=true>; rel="next"'
    )


def test_what_would_break_the_header_stays_escaped() -> None:
    found = link(1, 1, 2, name='\r\nX: 1 <>"&é')
    assert found is not None
    assert found.isascii()
    assert "name=%0D%0AX:%201%20%3C%3E%22%26%C3%A9&page=2" in found


def test_the_total_is_always_there() -> None:
    listed: Listed[str] = Listed(items=(), total=7, page=OffsetPage())
    assert page_headers(listed, PATH, {})["X-Total-Count"] == "7"
