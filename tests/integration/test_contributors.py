"""Features judge pulls and add to lists by columns in the one query that is run anyway."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts import listing, manifests
from app.artifacts.contributors import PullVerdict, RowSlot
from app.artifacts.models import Accessory, Artifact
from app.artifacts.subjects import Pull
from app.context import Context, Ports
from app.core.errors import DeniedError, InternalError
from app.db.contributions import Contributor, Contributors, Statement
from app.db.database import Database
from app.factory import create_app
from app.views import slots, verdicts
from tests.integration.conftest import Caller
from tests.support.blobs import digest_of, push
from tests.support.manifests import EMPTY, artifact, push_image, push_manifest
from tests.support.people import People
from tests.support.queries import counted_statements

NAME = "private/app"
ARTIFACTS = "/projects/private/repositories/app/artifacts"
SIGNATURE = "application/vnd.cncf.notary.signature"


def marked(column: str) -> Callable[[Statement], Statement]:
    """Add whether an artifact has a signature."""
    signed = sa.exists().where(
        Accessory.repository_id == Artifact.repository_id, Accessory.subject_digest == Artifact.digest
    )
    return lambda statement: statement.add_columns(signed.correlate(Artifact).label(column))


def measured(statement: Statement) -> Statement:
    """Add by a join how often the artifact is a subject."""
    subjects = (
        sa.select(Accessory.subject_digest, sa.func.count().label("number"))
        .group_by(Accessory.subject_digest)
        .subquery()
    )
    return statement.add_columns(subjects.c.number.label("depth_number")).outerjoin(
        subjects, subjects.c.subject_digest == Artifact.digest
    )


def require_signature(_ctx: Context, pull: Pull, row: sa.Row[Any]) -> None:
    if not row.signed_mark:
        raise DeniedError(f"{pull.repository}@{pull.digest} has no signature")


SIGNED = PullVerdict(name="signed", extend=marked("signed_mark"), judge=require_signature)
OVERVIEW = RowSlot(
    name="scan_overview",
    extend=marked("scan_overview_mark"),
    value=lambda row: {"signed": bool(row.scan_overview_mark)},
    parameter="with_scan_overview",
)
DEPTH = RowSlot(name="depth", extend=measured, value=lambda row: row.depth_number)


@pytest.fixture
def plain(ports: Ports) -> Ports:
    """The installation without contributors."""
    return replace(ports, verdicts=verdicts(), slots=slots())


@pytest.fixture
def ports(ports: Ports) -> Ports:
    """The installation with contributors that exist only in these tests."""
    return replace(ports, verdicts=Contributors(SIGNED), slots=Contributors(OVERVIEW, DEPTH))


def sign(registry: httpx.Client, manifest: bytes) -> None:
    push(registry, NAME, EMPTY)
    push_manifest(registry, NAME, artifact(manifest, SIGNATURE))


def test_a_verdict_refuses_pulls_until_it_is_content(registry: httpx.Client) -> None:
    manifest = push_image(registry, NAME, "1")
    places = [f"/v2/{NAME}/manifests/{reference}" for reference in ("1", digest_of(manifest))]
    for place in places * 2:
        refused = registry.get(place)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "DENIED")
        assert "has no signature" in refused.text
        assert registry.head(place).status_code == 403
    sign(registry, manifest)
    for place in places * 2:
        assert registry.get(place).content == manifest
        assert registry.head(place).status_code == 200
    assert registry.get(f"/v2/{NAME}/manifests/none").status_code == 404


def test_slots_are_filled_in_lists_and_alone(registry: httpx.Client, caller: Caller) -> None:
    signed, other = push_image(registry, NAME, "1"), push_image(registry, NAME, "2", seed=1)
    sign(registry, signed)
    admin = caller("admin")
    plain = {one["digest"]: one for one in admin.get(ARTIFACTS).json()}
    full = {one["digest"]: one for one in admin.get(ARTIFACTS, params={"with_scan_overview": True}).json()}
    assert [plain[digest_of(each)].get("depth") for each in (signed, other)] == [1, None]
    assert full == {
        digest: one | {"scan_overview": {"signed": digest == digest_of(signed)}} for digest, one in plain.items()
    }
    alone = admin.get(f"{ARTIFACTS}/1", params={"with_scan_overview": True}).json()
    assert (alone["scan_overview"], alone["depth"]) == ({"signed": True}, 1)


def test_contributors_cost_no_statement(
    registry: httpx.Client, plain: Ports, database: Database, people: People
) -> None:
    bare = httpx.Client(
        transport=httpx.WSGITransport(app=create_app(plain)),
        base_url="http://registry.test",
        auth=people["admin"].credentials,
    )
    sign(registry, push_image(registry, NAME, "1"))
    api = f"/api/v2.0{ARTIFACTS}"

    def costs(client: httpx.Client) -> list[int]:
        numbers = []
        for path in (f"/v2/{NAME}/manifests/1", f"{api}?with_scan_overview=true", f"{api}/1"):
            client.get(path)
            with counted_statements(database) as statements:
                assert client.get(path).status_code == 200
            numbers.append(len(statements))
        return numbers

    of_one = costs(bare)
    assert costs(registry) == of_one
    for seed in range(1, 12):
        push_image(registry, NAME, f"t{seed}", seed=seed)
    assert costs(registry) == of_one


def test_statements_are_made_once_and_without_contributors_stay_as_they_are(ports: Ports, plain: Ports) -> None:
    for statement in (manifests._BY_TAG, manifests._BY_DIGEST):
        assert plain.verdicts.statement(statement) is statement
        extended = ports.verdicts.statement(statement)
        assert extended is not statement
        assert ports.verdicts.statement(statement) is extended
    assert plain.slots.statement(listing._ROWS, []) is listing._ROWS
    assert ports.slots.statement(listing._ROWS, []) is listing._ROWS
    assert ports.slots.statement(listing._ROWS, [DEPTH]) is ports.slots.statement(listing._ROWS, [DEPTH])


def test_what_a_contributor_may_forget() -> None:
    with pytest.raises(InternalError, match="names of their own"):
        Contributors(SIGNED, SIGNED)
    for extend in (marked("signature"), lambda statement: statement):
        with pytest.raises(InternalError, match="signed_"):
            Contributors(Contributor(name="signed", extend=extend)).statement(manifests._BY_TAG)
