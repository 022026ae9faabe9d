"""Pages of the registry's lists: the parameter ``n``, and the Link to what follows (distribution-spec)."""

from urllib.parse import urlencode

from app.core.errors import PageInvalid


def page_size(text: str | None, largest: int) -> int:
    """The parameter ``n``, ``largest`` at most and when it is absent; PageInvalid when it is no whole number."""
    if text is None:
        return largest
    if not text.isascii() or not text.isdigit():
        raise PageInvalid(f"n must be a whole number, not {text[:40]!r}", detail={"n": text[:40]})
    return min(int(text[:20]), largest)


def next_link(path: str, **parameters: str | int | None) -> tuple[str, str]:
    """The Link header to the page that follows, with those ``parameters`` that are given."""
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return "Link", f'<{path}?{query}>; rel="next"'
