"""If-None-Match: what names the content."""

import pytest

from app.core.etags import is_known


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, False),
        ("", False),
        ('"abc"', True),
        ('W/"abc"', True),
        ("abc", True),
        ('"other"', False),
        ('"abcd"', False),
        ('"other", W/"abc"', True),
        ("*", True),
        ('"other" , "more"', False),
        ("," * 10_000, False),
    ],
)
def test_only_the_tag_itself_and_the_star_name_the_content(header: str | None, expected: bool) -> None:
    assert is_known("abc", header) == expected
