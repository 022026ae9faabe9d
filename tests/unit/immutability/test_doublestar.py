"""Patterns match as doublestar 1.3 of Go does, refuse what is malformed, and cost little whatever they are."""

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidError
from app.immutability.doublestar import LONGEST, MOST_ALTERNATIVES, Pattern

MATCHING = [
    ("**", "a/b"),
    ("**", ""),
    ("*", ""),
    ("*", "v1.2"),
    ("a/**", "a/b"),
    ("a/**", "a/b/c"),
    ("a/**/b", "a/b"),
    ("a/**/b", "a/x/y/b"),
    ("**/b", "b"),
    ("**/b", "a/b"),
    ("**/**", "a"),
    ("**/**/a", "a"),
    ("**/*/a", "x/a"),
    ("a**b", "axxb"),
    ("v?.*", "v1.2"),
    ("?", "ä"),
    ("[a-c]x", "bx"),
    ("[^a]", "b"),
    ("[a\\-z]", "-"),
    ("[\\]]", "]"),
    ("\\*", "*"),
    ("\\a", "a"),
    ("{v*,r*}", "r1"),
    ("{a/b,c}", "a/b"),
    ("{,a}b", "b"),
    ("{,a}b", "ab"),
    ("{a,{b,c}}d", "cd"),
    ("{}a", "a"),
    ("a{\\,,b}", "a,"),
    ("{a,b}/**", "b/x/y"),
    ("**/{a,b}*", "x/b1"),
    ("\\{a\\}", "{a}"),
    ("a}", "a}"),
    ("]", "]"),
    ("a,b", "a,b"),
    ("*{b,}", "ab"),
    ("*{b,}", "a"),
    ("release", "release"),
]
OTHERS = [
    ("*", "a/b"),
    ("a*", "a/b"),
    ("?", "/"),
    ("?", ""),
    ("[^a]", "/"),
    ("a/**", "a"),
    ("a/**/**", "a"),
    ("*/**", "a"),
    ("a**b", "ax/xb"),
    ("**b", "x/b"),
    ("{**}", "a/b"),
    ("{**,x}", "a/b"),
    ("{a,**}/b", "x/y/b"),
    ("**/b", "ab"),
    ("a/**/b", "ab"),
    ("[c-a]", "b"),
    ("[^a-c]", "b"),
    ("v*", "1v"),
    ("v*", "V1"),
    ("{v*,r*}", "x1"),
    ("release", "release1"),
    ("release", "RELEASE"),
    ("", "a"),
]
MALFORMED = ["[", "[a", "[]", "[^]", "[!a]", "[a-]", "[-a]", "[a-b-c]", "{", "{a", "{a,{b}", "\\", "a\\", "{a\\", "[\\"]


@pytest.mark.parametrize(("pattern", "name"), MATCHING)
def test_a_pattern_matches(pattern: str, name: str) -> None:
    assert Pattern(pattern).matches(name)


@pytest.mark.parametrize(("pattern", "name"), OTHERS)
def test_a_pattern_does_not_match(pattern: str, name: str) -> None:
    assert not Pattern(pattern).matches(name)


@pytest.mark.parametrize("pattern", MALFORMED)
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidError):
        Pattern(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "a" * (LONGEST + 1),
        "*" + "a" * LONGEST,
        "{" + ",".join("a" * (MOST_ALTERNATIVES + 1)) + "}",
        "{a,b}" * 7,
        "{" * 100 + "a" + "}" * 100,
        "{" * 500 + "a" + "}" * 500,
        "{}" * 10 + "{aa,bb}" * 10,
        "[a]" * 300 + "{a,b,c,d,e,f,g,h,i,j,k,l,m,n,o}",
    ],
)
def test_a_pattern_too_large_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidError):
        Pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("*a" * 500 + "b", "a" * 255),
        ("**/" * 300 + "b", "a/" * 127 + "c"),
        ("**/a/" * 200, "a/" * 127 + "b"),
        ("{" + ",".join(["*a*a*a*a"] * 90) + "}b", "a" * 255),
        ("?" * 1000, "a" * 255),
    ],
)
def test_no_pattern_takes_long(pattern: str, name: str) -> None:
    started = time.process_time()
    compiled = Pattern(pattern)
    for _ in range(10):
        assert not compiled.matches(name)
    assert time.process_time() - started < 0.5


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_without_slashes_it_matches_as_shell_patterns_do(pattern: str, name: str) -> None:
    expected = fnmatch.fnmatchcase(name, pattern) if pattern != "**" else True
    assert Pattern(pattern).matches(name) is expected


@given(st.text(max_size=40), st.text(max_size=20))
def test_any_text_is_a_pattern_or_refused(pattern: str, name: str) -> None:
    try:
        compiled = Pattern(pattern)
    except InvalidError:
        return
    assert compiled.matches(name) in (True, False)
