"""The statements of the hot paths read by index, on both databases."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.artifacts import accessories, blob_content, manifests, pushes, references, repositories, tag_records, tags
from app.db.database import Database

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
}
_BY_NAME: dict[str, object] = {"repository": "team/app"}
_BY_POSITION: dict[str, object] = {"repository": "team/app", "last": 0}
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
