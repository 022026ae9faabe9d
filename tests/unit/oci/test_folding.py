"""Names as Go folds them, and places as they are told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import ManifestInvalid
from app.oci import folding
from app.oci.documents import parse_plain
from app.oci.folding import CHART, DSSE, IMAGE_CONFIG, JWS, MANIFEST, SIMPLE_SIGNING, STATEMENT, Form, fold

FORMS = (MANIFEST, IMAGE_CONFIG, CHART, SIMPLE_SIGNING, JWS, DSSE, STATEMENT)


@pytest.mark.parametrize(
    ("name", "folded"),
    [("Layers", "layers"), ("layer\u017f", "layers"), ("\u212aey", "key"), ("OS.Version", "os.version"), ("ß", "ß")],
)
def test_fold(name: str, folded: str) -> None:
    assert fold(name) == folded


@pytest.mark.parametrize("name", ["İd", "layerß", "layers ", "layers\0", "1ayers", "la\u0443ers"])
def test_names_that_only_look_alike_are_others(name: str) -> None:
    folding.require_exact_names({"layers": [], name: 1}, MANIFEST)


def _forms(form: Form) -> list[Form]:
    return [form] + [each for _, inner in form.inner for each in _forms(inner)]


@pytest.mark.parametrize("form", FORMS)
def test_known_names_differ_under_folding(form: Form) -> None:
    for each in _forms(form):
        assert len(each.folded) == len(each.members)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"a": 1, "A": 2}, "A"),
        ([[{"x": [{"a": 1, "A": 2}]}]], "[0][0].x[0].A"),
        ({"layers": {"Size": 1}}, "layers.Size"),
        ({"annotations": {"x": {"a": 1, "A": 2}}}, "annotations.x.A"),
    ],
)
def test_places(document: object, place: str) -> None:
    with pytest.raises(ManifestInvalid) as caught:
        folding.require_exact_names(document, MANIFEST)
    assert caught.value.message.startswith(f"{place}: ")
    assert caught.value.detail == {"member": place.rpartition(".")[2], "place": place}


def test_of_a_member_named_twice_the_first_place_is_told() -> None:
    with pytest.raises(ManifestInvalid, match=r"^root\.a\[1\]\.b is named twice$"):
        parse_plain(b'{"a": [0, {"b": {"c": 1, "c": 2}, "b": 1}]}', MANIFEST, "root")


def test_names_in_messages_are_cut() -> None:
    with pytest.raises(ManifestInvalid) as caught:
        folding.require_exact_names({"a" * 100_000: 1, "A" * 100_000: 2}, MANIFEST)
    assert len(caught.value.message) < 1000


@given(
    st.recursive(
        st.none() | st.integers(0, 9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("aAbBkK\u212asS\u017f"), inner),
    )
)
def test_what_is_taken_has_no_two_names_of_one_fold(value: Any) -> None:  # noqa: ANN401
    try:
        parsed = parse_plain(json.dumps(value).encode(), MANIFEST)
    except ManifestInvalid:
        assert _folds_together(value)
    else:
        assert parsed == value
        assert not _folds_together(value)


def _folds_together(value: object) -> bool:
    if isinstance(value, dict):
        return len({fold(name) for name in value}) < len(value) or any(map(_folds_together, value.values()))
    return isinstance(value, list) and any(map(_folds_together, value))
