"""Entity tags as clients send them back (RFC 9110 section 13.1.2)."""


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Tell whether an If-None-Match header names the content of this tag, compared weakly; ``*`` names any content."""
    if not if_none_match:
        return False
    if if_none_match == f'"{tag}"':
        return True
    named = {each.strip().removeprefix("W/").strip('"') for each in if_none_match.split(",")}
    return tag in named or "*" in named
