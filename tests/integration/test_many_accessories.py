"""However many accessories an artifact has, it can be deleted with them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Accessory, Artifact, ArtifactChild, Repository
from app.context import Ports
from tests.integration.test_artifact_counts import NAME, PLACE, collect_untagged, counts
from tests.support.blobs import digest_of
from tests.support.manifests import push_image

SOME = 11_000
"""More than one part of a list has."""
MANY = 22_000
"""Named three times in a statement, more than PostgreSQL takes."""
Deletion = Callable[[httpx.Client, Ports, str], None]


def by_hand(admin: httpx.Client, _: Ports, digest: str) -> None:
    answer = admin.delete(f"{PLACE}/{digest}")
    assert answer.status_code == 200, answer.text


def by_collection(_: httpx.Client, ports: Ports, __: str) -> None:
    collect_untagged(ports)


@pytest.mark.parametrize(("delete", "number"), [(by_hand, SOME), (by_collection, MANY)])
def test_an_artifact_goes_with_all_its_accessories(
    admin: httpx.Client, registry: httpx.Client, ports: Ports, delete: Deletion, number: int
) -> None:
    push_image(registry, NAME, "stays", seed=1)
    digest = digest_of(push_image(registry, NAME))
    attach(ports, digest, number)
    assert counts(admin) == (2, 2)
    delete(admin, ports, digest)
    assert counts(admin) == (1, 1)
    with ports.db.read() as session:
        assert session.execute(sa.select(sa.func.count()).select_from(Artifact)).scalar_one() == 1


def attach(ports: Ports, subject: str, number: int) -> None:
    """Give the subject its many accessories, of which the last is an index that lists the first."""
    old = datetime.now(UTC) - timedelta(days=1)
    with ports.db.write() as session:
        place = session.execute(sa.select(Repository).where(Repository.name == NAME)).scalar_one()
        common = {"project_id": place.project_id, "repository_id": place.id, "push_time": old}
        facts = {
            "kind": "UNKNOWN",
            "manifest_media_type": "a/b",
            "size": 1,
            "manifest_size": 1,
            "standing": "accessory",
        }
        rows = [common | facts | {"standing": "accessory", "digest": f"sha256:{each:064}"} for each in range(number)]
        ids = session.execute(sa.insert(Artifact).returning(Artifact.id), rows).scalars().all()
        about = {"repository_id": place.id, "subject_digest": subject, "kind": "subject.accessory", "descriptor": b""}
        attached = [about | {"artifact_id": each, "artifact_type": "", "creation_time": old} for each in ids]
        session.execute(sa.insert(Accessory), attached)
        listed = {"parent_id": max(ids), "child_id": min(ids), "position": 0}
        session.execute(sa.insert(ArtifactChild), listed)
        session.execute(sa.update(Artifact).values(push_time=old))
