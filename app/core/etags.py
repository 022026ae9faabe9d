"""Compare entity tags with If-None-Match (RFC 9110 section 13.1.2)."""


def is_known(tag: str, if_none_match: str | None) -> bool:
    """Tell whether an If-None-Match header lists this tag, by weak comparison, or is ``*``."""
    if not if_none_match:
        return False
    if if_none_match == f'"{tag}"':
        return True
    tags = {item.strip().removeprefix("W/").strip('"') for item in if_none_match.split(",")}
    return tag in tags or "*" in tags
