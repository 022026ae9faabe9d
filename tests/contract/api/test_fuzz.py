"""Every operation with generated input, right and wrong, by callers who may much: no 500, no answer outside the schema.

A refused request changes nothing; the database is put back after each request that changed something, so that a caller
who deletes itself or gives itself another password is there again for the next one.
``PYHARBOR_FUZZ_EXAMPLES`` makes it more requests per operation: ``make fuzz``.
"""

import json
import os
import random
import sqlite3
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import response_schema_conformance

from app.web.openapi import document
from tests.contract.api.compare import operations
from tests.support.accounts import PASSWORD
from tests.support.manifests import push_image

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
_EXAMPLES = int(os.environ.get("PYHARBOR_FUZZ_EXAMPLES", "10"))
"""Per operation and caller."""
_REFUSED = range(400, 600)
_FACTS = ("audit_log", "known_login", "last_number", "login_failure", "user_session")
"""Tables of what was tried, which outlive a refusal."""
_EMPTY_WITHOUT = frozenset({"getGCSchedule"})
"""Operations that answer without a body, as Harbor's do, when there is nothing to show."""
_KNOWN: Mapping[str, tuple[Any, ...]] = {
    "project_name_or_id": ("private", "public", "1", "2"),
    "project_name": ("private", "public"),
    "repository_name": ("app", "none"),
    "reference": ("1", "none"),
    "meta_name": ("public", "severity", "auto_scan"),
    "user_id": (1, 2, 3, 7),
    "mid": (1, 2, 3),
    "robot_id": (1, 2),
    "group_id": (1,),
    "gc_id": (1,),
    "immutable_rule_id": (1, 2),
    "tag_name": ("1", "none"),
}
"""Values that name something, given instead of half of the generated ones."""
_PERMISSION = {"kind": "project", "namespace": "private", "access": [{"resource": "repository", "action": "pull"}]}
_FITTING: Mapping[str, tuple[Any, ...]] = {
    "project_name": ("fresh", "private"),
    "username": ("fresh", "guest", "admin"),
    "email": ("fresh@example.test", "guest@example.test"),
    "password": (PASSWORD,),
    "new_password": ("Another12345",),
    "old_password": (PASSWORD,),
    "role_id": (1, 2, 9),
    "member_user": ({"username": "stranger"}, {"user_id": 4}, {"user_id": -1}),
    "member_group": ({"group_name": "fresh", "group_type": 3}, {"id": 1}),
    "group_name": ("fresh", "people"),
    "group_type": (1, 2, 3, 9),
    "name": ("fresh", "ci", "robot$ci"),
    "tag_selectors": ([{"decoration": "matches", "pattern": "v*"}], [{"decoration": "matches", "pattern": "{"}], []),
    "scope_selectors": ({"repository": [{"decoration": "repoMatches", "pattern": "**"}]}, {"repository": []}),
    "level": ("system", "project"),
    "duration": (-1, 0, 30),
    "permissions": ([_PERMISSION], [_PERMISSION | {"namespace": "*"}], []),
    "access": (_PERMISSION["access"],),
    "secret": ("", "Secret12345"),
    "metadata": ({"public": "true"}, {"severity": "high", "auto_scan": "1"}, {"public": "perhaps"}),
    "items": ([{"cve_id": "CVE-2024-1234"}], [{"cve_id": "CVE-2024-1"}, {"cve_id": "CVE-2024-1"}]),
}
"""Fields of bodies that get deeper than generated ones would, given instead of half of them."""


class Installation:
    """The application, its database file, and how that file was at the start."""

    def __init__(self, app: Flask, path: Path) -> None:
        self.app = app
        self._path = path
        self._start = self._copy()

    def put_back(self) -> None:
        """Give the database its first content again."""
        with closing(sqlite3.connect(self._path)) as connection:
            self._start.backup(connection)

    def changed(self) -> list[str]:
        """The tables that are not as at the start, but for those of facts."""
        with closing(sqlite3.connect(self._path)) as connection:
            return [name for name in self._tables if _rows(connection, name) != _rows(self._start, name)]

    @property
    def _tables(self) -> list[str]:
        names = self._start.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return sorted({name for (name,) in names} - set(_FACTS))

    def _copy(self) -> sqlite3.Connection:
        kept = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(self._path)) as connection:
            connection.backup(kept)
        return kept


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    return connection.execute(f'SELECT * FROM "{table}"').fetchall()  # noqa: S608 - names from the database itself


@pytest.fixture
def installation(app: Flask, registry: httpx.Client, database_url: str) -> Installation:
    """People, projects and an image."""
    push_image(registry, "private/app", "1")
    push_image(registry, "public/app", "1", seed=1)
    return Installation(app, Path(database_url.removeprefix("sqlite:///")))


@pytest.mark.slow
@pytest.mark.timeout(600 + 20 * _EXAMPLES)
@pytest.mark.parametrize("caller", ["admin", "master"])
def test_generated_input_never_breaks_an_operation(
    installation: Installation, subtests: pytest.Subtests, caller: str
) -> None:
    schema = schemathesis.openapi.from_dict(_as_answered(document(installation.app)))
    schema.app = installation.app
    for name in sorted(operation["operationId"] for _, _, operation in operations(document(installation.app))):
        with subtests.test(msg=f"{name} by {caller}"):
            _fuzz(schema.find_operation_by_id(name), installation, caller)


def _fuzz(operation: Any, installation: Installation, caller: str) -> None:  # noqa: ANN401 - schemathesis' own
    name = operation.definition.raw["operationId"]
    inputs = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @seed(20261124)
    @settings(
        max_examples=_EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=inputs, chance=st.randoms())
    def check(case: Any, chance: random.Random) -> None:  # noqa: ANN401 - schemathesis' own
        _mix(case.path_parameters, _KNOWN, chance)
        _mix(case.body, _FITTING, chance)
        answer = case.call(headers=_credentials(caller))
        if answer.status_code == 200 and not answer.content and name in _EMPTY_WITHOUT:
            return
        try:
            case.validate_response(answer, checks=[not_a_server_error, response_schema_conformance])
        except FailureGroup as group:
            found = "\n".join(f"{each.title}: {each.message}" for each in group.exceptions)
            pytest.fail(f"{case.as_curl_command()}\n{found}")
        changed = installation.changed()
        if changed:
            installation.put_back()
        refused = answer.status_code in _REFUSED
        assert not (refused and changed), f"{case.as_curl_command()}\nrefused, and yet changed: {changed}"

    check()


def _mix(given_values: Any, better: Mapping[str, tuple[Any, ...]], chance: random.Random) -> None:  # noqa: ANN401 - any JSON
    """Put better values in the place of half of the generated ones, and now and then where there was none."""
    if not isinstance(given_values, dict):
        return
    for key in sorted(better):
        if chance.random() < (0.5 if key in given_values else 0.05):
            given_values[key] = chance.choice(better[key])


def _credentials(caller: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{caller}:{PASSWORD}".encode()).decode()}


def _as_answered(described: Mapping[str, Any]) -> dict[str, Any]:
    """The document with what Harbor leaves unsaid and its clients expect.

    No list is null, free maps hold anything, and an addition is content of the type that its header says.
    """
    copy: dict[str, Any] = json.loads(json.dumps(described))
    for model in copy["definitions"].values():
        for part in model.get("properties", {}).values():
            if part.get("type") == "array":
                part["x-nullable"] = True
            if part.get("additionalProperties", {}).get("type") == "object":
                del part["additionalProperties"]
    for path, operations_there in copy["paths"].items():
        if "/additions/" in path:
            del operations_there["get"]["responses"]["200"]["schema"]
    return copy
