"""The query language of lists."""

from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import InvalidError
from app.core.query import AllOf, AnyOf, Beyond, Condition, Exact, Fuzzy, Range, SortKey, Term
from app.web.query import parse_sort, parse_terms

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "key", "condition"),
    [
        ("name=lib", "name", Exact(value="lib")),
        ("name=~lib", "name", Fuzzy(text="lib")),
        ("name=a=b", "name", Exact(value="a=b")),
        (r"name=\~lib", "name", Exact(value="~lib")),
        ("size=[1~20]", "size", Range(low=1, high=20)),
        ("size=[~20]", "size", Range(low=None, high=20)),
        ("size=[1~]", "size", Range(low=1, high=None)),
        ("push_time=[2026-01-02T03:04:05~]", "push_time", Range(low=MOMENT, high=None)),
        ("name={a b}", "name", AnyOf(values=("a", "b"))),
        ("name={1 '2' \"x\"}", "name", AnyOf(values=(1, "2", "x"))),
        ("labels=(1 2)", "labels", AllOf(values=(1, 2))),
        ("ProjectID=3", "project_id", Exact(value="3")),
        ("CreationTime=x", "creation_time", Exact(value="x")),
        ("name__icontains=x", "name", Fuzzy(text="x")),
        ("size__gte=5", "size", Range(low=5, high=None)),
        ("size__gt=5", "size", Beyond(low=5)),
        ("size__lt=5", "size", Beyond(high=5)),
        ("name__in=a b", "name", AnyOf(values=("a", "b"))),
        ("name%3D~lib", "name", Fuzzy(text="lib")),
    ],
)
def test_a_term_is_read(text: str, key: str, condition: Condition) -> None:
    assert parse_terms(text) == (Term(key=key, condition=condition),)


def test_terms_are_separated_by_commas() -> None:
    assert [term.key for term in parse_terms("a=1,b=~2")] == ["a", "b"]


@pytest.mark.parametrize(
    "text", ["name", "=x", "name=", "a=1,", "size=[1]", "size=[1~2~3]", "size=[1~2", "n={a", "l=(1", "a__no=1"]
)
def test_malformed_terms_are_refused(text: str) -> None:
    with pytest.raises(InvalidError):
        parse_terms(text)


def test_no_query_is_no_terms() -> None:
    assert parse_terms(None) == ()
    assert parse_terms("") == ()


def test_sort_keys_are_read() -> None:
    assert parse_sort("a, -creationTime,,-") == (SortKey(key="a"), SortKey(key="creation_time", descending=True))
    assert parse_sort(None) == ()


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(InvalidError):
        parse_terms(text)
    parse_sort(text)
