"""Paging of the registry's lists: the parameter ``n``, and the Link header to the next page (distribution-spec)."""

from urllib.parse import urlencode

from app.core.errors import PageInvalid


def page_size(text: str | None, largest: int) -> int:
    """Return the parameter ``n``, limited to ``largest``, which is also the default.

    Raise PageInvalid when it is not a whole number.
    """
    if text is None:
        return largest
    if not text.isascii() or not text.isdigit():
        raise PageInvalid(f"n must be a whole number, not {text[:40]!r}", detail={"n": text[:40]})
    return min(int(text[:20]), largest)


def next_link(path: str, **parameters: str | int | None) -> tuple[str, str]:
    """Return the Link header to the next page, with those ``parameters`` that are not None."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return "Link", f'<{path}?{query}>; rel="next"'
