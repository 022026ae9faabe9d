"""Our OpenAPI document against Harbor's: every difference is known and has a reason."""

import json
from pathlib import Path

import pytest
from flask import Flask

from app.web.openapi import document
from tests.contract.api.allowed import ALLOWED
from tests.contract.api.compare import differences, operations

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_FOLDER = Path(__file__).parents[1]
_HARBORS = json.loads((_FOLDER / "harbor-api.json").read_text())


def test_every_difference_to_harbor_has_a_reason(app: Flask) -> None:
    found = set(differences(document(app), _HARBORS))
    unexplained = sorted(found - ALLOWED.keys())
    assert not unexplained, "\n".join(unexplained)


def test_no_reason_is_left_over(app: Flask) -> None:
    found = set(differences(document(app), _HARBORS))
    assert ALLOWED.keys() - found == set()


def test_operation_names_are_unique(app: Flask) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document(app))]
    assert len(names) == len(set(names))


def test_every_group_of_operations_has_one(app: Flask) -> None:
    named = [tag["name"] for tag in document(app)["tags"]]
    assert named == sorted({tag for _, _, operation in operations(document(app)) for tag in operation["tags"]})


def test_the_document_is_served_without_login(app: Flask) -> None:
    answer = app.test_client().get("/api/v2.0/swagger.json")
    assert answer.status_code == 200
    assert answer.json == json.loads(json.dumps(document(app)))


def test_the_committed_document_is_this_one(app: Flask) -> None:
    current = json.dumps(document(app), indent=2, sort_keys=True) + "\n"
    assert (_FOLDER / "openapi.json").read_text() == current, "write it anew: make openapi"
