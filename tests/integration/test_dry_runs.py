"""A dry run counts what the collection after it deletes, whatever there is."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.subjects import Deletion
from app.context import Context, Ports
from app.core.errors import PreconditionError
from app.storage.models import DELETING, Blob
from tests.integration.content_rows import Rows, faults
from tests.integration.content_shapes import (
    SHAPES,
    A,
    B,
    C,
    Shape,
    accessories_of_accessories,
    groups_that_list_each_others_members,
    of_layers,
)
from tests.support.blobs import content_of, digest_of, push
from tests.support.collections import Figures, collect, dry_run, let_time_pass
from tests.support.crashes import crashing
from tests.support.manifests import index, push_image, push_manifest


@pytest.mark.parametrize("shape", SHAPES)
def test_figures_are_those_of_the_collection(ports: Ports, registry: httpx.Client, shape: Shape) -> None:
    expected = shape(registry)
    let_time_pass(ports)
    before = Rows.of(ports)
    assert dry_run(ports, untagged=False) == collect(ports, untagged=False)
    rows = Rows.of(ports)
    foreseen = dry_run(ports, untagged=True)
    assert foreseen.manifests == expected
    assert foreseen == collect(ports, untagged=True, workers=2) == _gone(rows, Rows.of(ports))
    assert collect(ports, untagged=True) == Figures(manifests=0, blobs=0, bytes=0)
    assert list(faults(Rows.of(ports))) == []
    assert len(before.artifacts) - expected == len(Rows.of(ports).artifacts)


def _gone(before: Rows, after: Rows) -> Figures:
    manifests = [row.manifest_size for one, row in before.artifacts.items() if one not in after.artifacts]
    blobs = [row.size for one, row in before.blobs.items() if one not in after.blobs]
    return Figures(manifests=len(manifests), blobs=len(blobs), bytes=sum(manifests) + sum(blobs))


def test_what_is_young_or_claimed_is_spared_by_both(ports: Ports, registry: httpx.Client) -> None:
    shared, own = content_of(100), content_of(200, 1)
    of_layers(registry, A, None, shared, own)
    push(registry, B, content_of(400, 3))
    let_time_pass(ports)
    push(registry, B, content_of(500, 4))
    of_layers(registry, B, None, shared)
    push(registry, C, own)
    foreseen = dry_run(ports, untagged=True)
    assert foreseen == collect(ports, untagged=True)
    assert (foreseen.manifests, foreseen.blobs) == (1, 1)


def test_what_a_crash_left_claimed_is_counted(ports: Ports, registry: httpx.Client) -> None:
    push(registry, A, content_of(400, 3))
    push_image(registry, A)
    let_time_pass(ports)
    collect(ports, untagged=True, go_on=lambda: not ports.db.rows(_CLAIMED)[0][0])
    assert ports.db.rows(_CLAIMED)[0][0] > 0
    foreseen = dry_run(ports, untagged=True)
    assert foreseen == collect(ports, untagged=True)
    assert foreseen.blobs > 0


def test_what_crashes_left_is_deleted_by_the_next_collection(ports: Ports, registry: httpx.Client) -> None:
    accessories_of_accessories(registry)
    groups_that_list_each_others_members(registry)
    let_time_pass(ports)
    for number in range(1, _STATEMENTS, 2):
        collect(ports, untagged=True, interrupted=crashing(ports.db.engine, number))
        assert list(faults(Rows.of(ports))) == []
    foreseen = dry_run(ports, untagged=True)
    assert foreseen == collect(ports, untagged=True)
    left = Rows.of(ports)
    assert [*left.artifacts, *left.blobs, *left.holdings, *left.charges, *left.queue] == []


def test_what_may_not_be_deleted_is_counted_by_neither(ports: Ports, registry: httpx.Client) -> None:
    layers = [content_of(100, seed) for seed in range(3)]
    kept = of_layers(registry, A, None, layers[0], layers[1])
    of_layers(registry, A, None, layers[0], layers[2])
    push_manifest(registry, A, index(kept))
    let_time_pass(ports)

    def immutable(ctx: Context, subject: Any) -> None:  # noqa: ANN401 - as in the table
        with ctx.read() as session:
            session.execute(sa.select(sa.literal(1)))
        if isinstance(subject, Deletion) and digest_of(index(kept)) in subject.digests:
            raise PreconditionError("this index is immutable")

    guarded = replace(ports, admission={**ports.admission, "delete": (immutable,)})
    foreseen = dry_run(guarded, untagged=True)
    assert foreseen == collect(guarded, untagged=True)
    assert (foreseen.manifests, foreseen.blobs) == (1, 1)
    assert collect(ports, untagged=True).manifests == 2


_STATEMENTS = 120
"""At which a collection crashes, every second one."""
_CLAIMED = sa.select(sa.func.count()).where(Blob.state == DELETING)
