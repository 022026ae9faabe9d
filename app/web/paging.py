"""Build the headers of lists in Harbor's form: X-Total-Count, and Link to the previous and next page."""

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

from app.core.paging import PAGE_SIZE_LIMIT, Listed, OffsetPage

_PLAIN: Final = "!$'()*,-./:;=?@[]^_`{|}~"
"""Characters that a Link's query leaves unescaped, as in Harbor; none of them ends the query or the header."""


def page_headers(listed: Listed[Any], path: str, arguments: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of one page of the list at ``path``, requested with the query ``arguments``."""
    headers = {"X-Total-Count": str(listed.total)}
    links = " , ".join(_links(listed.page, listed.total, path, arguments))
    return headers | ({"Link": links} if links else {})


def _links(page: OffsetPage, total: int, path: str, arguments: Mapping[str, str]) -> Iterator[str]:
    if page.number > 1 and page.offset <= total:
        yield _link(path, arguments, page.number - 1, page.size, "prev")
    if page.number * page.size < total:
        size = min(page.size, PAGE_SIZE_LIMIT)
        yield _link(path, arguments, page.number * page.size // size + 1, size, "next")


def _link(path: str, arguments: Mapping[str, str], number: int, size: int, relation: str) -> str:
    query = {**arguments, "page": str(number), "page_size": str(size)}
    text = "&".join(f"{quote(key, _PLAIN)}={quote(value, _PLAIN)}" for key, value in sorted(query.items()))
    return f'<{quote(path, "/%:@")}?{text}>; rel="{relation}"'
