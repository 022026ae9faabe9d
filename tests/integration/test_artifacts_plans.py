"""The statements of the hot paths read by index, on both databases."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.artifacts import (
    accessories,
    artifact_tags,
    blob_content,
    immutable_tags,
    manifests,
    pushes,
    references,
    repositories,
    tag_records,
    tags,
)
from app.artifacts.models import Tag
from app.db.database import Database
from app.immutability import rows as immutable_rules

_VALUES = {
    "repository": 1,
    "name": "team/app",
    "project": "team",
    "digest": "sha256:0",
    "digests": ["sha256:0", "sha256:1"],
    "subject": "sha256:0",
    "artifact": 1,
    "tag": "v1",
    "names": ["v1", "v2"],
    "ids": [1, 2],
    "indexes": [1, 2],
    "last": "",
    "limit": 10,
    "type": "a/b",
    "projects": [1, 2],
    "rule": 1,
    "fingerprint": "0",
}
_BY_NAME: dict[str, object] = {"repository": "team/app"}
_BY_POSITION: dict[str, object] = {"repository": "team/app", "last": 0}
_TAGS_OF_ARTIFACT = artifact_tags._TAGS.where(Tag.artifact_id == sa.bindparam("artifact"))
CASES: dict[str, tuple[sa.Select[*tuple[Any, ...]], dict[str, object]]] = {
    "manifest by digest": (manifests._BY_DIGEST, _BY_NAME),
    "manifest by tag": (manifests._BY_TAG, _BY_NAME),
    "manifest body": (manifests._BODY, {}),
    "artifact by digest": (pushes._ARTIFACT, {}),
    "blobs of a manifest": (references._BLOBS, {}),
    "children of an index": (references._ARTIFACTS, {}),
    "depth of an index": (references._DEPTH, {}),
    "blob content": (blob_content._BLOB, _BY_NAME),
    "repository": (repositories._VISIBLE, {}),
    "changes of a tag": (tag_records._NEWEST, {}),
    "one change of a tag": (tag_records._RECORD, {"id": 1}),
    "tags": (tags._NAMES, {}),
    "tags pointed": (tags._POINTED, {}),
    "referrers": (accessories._SIZES, _BY_POSITION),
    "referrers of a type": (accessories._SIZES_OF_TYPE, _BY_POSITION),
    "newest tags of an artifact": (
        artifact_tags._TAGS.where(Tag.artifact_id == sa.bindparam("artifact"))
        .order_by(*artifact_tags._NEWEST)
        .limit(9),
        {},
    ),
    "a tag of an artifact": (artifact_tags._OWN, {}),
    "tags of a repository": (immutable_tags._NAMES, _BY_NAME),
    "enabled rules": (immutable_rules._ENABLED, {}),
    "a rule": (immutable_rules._ONE, {"project": 1}),
    "the same rule": (immutable_rules._SAME, {"project": 1}),
    "descriptors": (accessories._DESCRIPTORS, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_hot_statements_read_by_index(database: Database, case: str) -> None:
    statement, changed = CASES[case]
    wanted = {name: value for name, value in (_VALUES | changed).items() if name in _parameters(statement)}
    plan = (
        _sqlite_plan(database, statement, wanted) if database.sqlite else _postgresql_plan(database, statement, wanted)
    )
    assert "SCAN " not in plan.replace("SCAN nest", "").replace("SCAN CONSTANT", ""), plan
    assert "Seq Scan" not in plan, plan
    assert "TEMP B-TREE" not in plan or case == "blobs of a manifest", plan


def _parameters(statement: sa.Select[*tuple[Any, ...]]) -> set[str]:
    return set(statement.compile().params)


def _literal(statement: sa.Select[*tuple[Any, ...]], wanted: dict[str, object], database: Database) -> str:
    bound = statement.params(wanted)
    return str(bound.compile(database.engine, compile_kwargs={"literal_binds": True}))


def _sqlite_plan(database: Database, statement: sa.Select[*tuple[Any, ...]], wanted: dict[str, object]) -> str:
    text = sa.text("EXPLAIN QUERY PLAN " + _literal(statement, wanted, database).replace(":", "\\:"))
    with database.read() as session:
        return "\n".join(row.detail for row in session.execute(text))


def _postgresql_plan(database: Database, statement: sa.Select[*tuple[Any, ...]], wanted: dict[str, object]) -> str:
    text = sa.text("EXPLAIN " + _literal(statement, wanted, database).replace(":", "\\:"))
    with database.write() as session:
        session.execute(sa.text("SET LOCAL enable_seqscan = off"))
        return "\n".join(row[0] for row in session.execute(text))
