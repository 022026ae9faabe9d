"""Every operation of Harbor's document is served, or stands in the list of those that answer 501; never both."""

import json
from pathlib import Path

import httpx
import pytest
from flask import Flask

from app.web.openapi import document
from app.web.unimplemented import OPERATIONS
from tests.contract.api.compare import operations

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_HARBORS = json.loads((Path(__file__).parents[1] / "harbor-api.json").read_text())
_ALL = {f"{operation['method']} {operation['path']}" for operation in _HARBORS["operations"]}
_EXAMPLE = "1"


def served(app: Flask) -> set[str]:
    return {f"{method} {path}" for method, path, _ in operations(document(app))}


def test_what_is_served_is_not_in_the_list(app: Flask) -> None:
    both = sorted(served(app) & set(OPERATIONS))
    assert not both, "\n".join(["served now: remove these lines from app/web/unimplemented.py", *both])


def test_nothing_of_harbors_is_forgotten_or_listed_twice(app: Flask) -> None:
    assert len(_ALL) == 203
    assert len(OPERATIONS) == len(set(OPERATIONS))
    assert sorted(set(OPERATIONS) - _ALL) == [], "not in Harbor's document"
    missing = sorted(_ALL - served(app) - set(OPERATIONS))
    assert not missing, "\n".join(["serve these, or add them to app/web/unimplemented.py", *missing])


def test_each_answers_501_to_anybody(client: httpx.Client) -> None:
    for operation in OPERATIONS:
        method, path = operation.split(" ")
        filled = "".join(_EXAMPLE if part.startswith("{") else part for part in _parts(path))
        answer = client.request(method, f"/api/v2.0{filled}")
        assert answer.status_code == 501, operation
        if method != "HEAD":
            assert answer.json()["errors"][0]["code"] == "NOT_IMPLEMENTED"


def test_a_name_with_slashes_reaches_it(client: httpx.Client) -> None:
    answer = client.get("/api/v2.0/projects/p/repositories/a%252Fb/artifacts/1/scan/x/log")
    assert answer.status_code == 501


def _parts(path: str) -> list[str]:
    return path.replace("{", "\0{").replace("}", "}\0").split("\0")
