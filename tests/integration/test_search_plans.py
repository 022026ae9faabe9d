"""The statements of the search read by index on both databases, when there is much to search."""

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Artifact, Repository, Tag
from app.context import Ports
from app.db.database import Database
from app.projects.models import Project
from tests.integration.conftest import Caller
from tests.support.people import People
from tests.support.queries import explaining

PROJECTS, EACH = 500, 8
PUBLIC_EVERY = 50


@pytest.fixture
def filled(ports: Ports, people: People) -> Database:
    """Many projects with repositories, each with an artifact of one tag."""
    now = ports.clock.now()
    moments = {"creation_time": now, "update_time": now}
    with ports.db.write() as session:
        owner = people["admin"].id
        session.execute(
            sa.insert(Project),
            [
                {"name": f"team-{at:05}", "owner_id": owner, "public": at % PUBLIC_EVERY == 0} | moments
                for at in range(PROJECTS)
            ],
        )
        projects = session.execute(sa.select(Project.id, Project.name).where(Project.name.startswith("team-"))).all()
        session.execute(
            sa.insert(Repository),
            [
                {"project_id": project.id, "name": f"{project.name}/service-{at}-{project.id}", "published": True}
                | moments
                for project in projects
                for at in range(EACH)
            ],
        )
        places = session.execute(sa.select(Repository.id, Repository.project_id)).all()
        session.execute(
            sa.insert(Artifact),
            [
                {
                    "project_id": place.project_id,
                    "repository_id": place.id,
                    "digest": f"sha256:{place.id:064x}"[:7] + f"{place.id * 7919 % 2**32:08x}".ljust(64, "0"),
                    "kind": "IMAGE",
                    "manifest_media_type": "",
                    "size": 1,
                    "manifest_size": 1,
                    "push_time": now,
                }
                for place in places
            ],
        )
        artifacts = session.execute(sa.select(Artifact.id, Artifact.repository_id)).all()
        session.execute(
            sa.insert(Tag),
            [
                {"repository_id": one.repository_id, "artifact_id": one.id, "name": f"v{one.id}", "push_time": now}
                for one in artifacts
            ],
        )
    if not ports.db.sqlite:
        with ports.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("VACUUM ANALYZE"))
    return ports.db


def searched(client: httpx.Client, text: str) -> int:
    answer = client.get("/search", params={"q": text, "with_extensions": "true"})
    assert answer.status_code == 200
    return sum(len(found) for found in answer.json().values())


@pytest.mark.parametrize("name", [None, "guest", "admin"])
@pytest.mark.parametrize("text", ["ice-3-12", "team-0012", "team-00050/serv", "sha256:00001eef", "v12", "nothing-like"])
def test_names_digests_and_tags_are_read_by_index(
    filled: Database, caller: Caller, name: str | None, text: str
) -> None:
    client = caller(name)
    searched(client, text)
    plans: list[str] = []
    for table in ("matched", "repository"):
        with explaining(filled, table, small=True) as some:
            searched(client, text)
        plans += some
    assert len(plans) >= 3
    for plan in plans:
        for table in ("repository", "artifact", "tag"):
            if filled.sqlite:
                whole = [line for line in plan.splitlines() if line.strip() in (f"SCAN {table}", f"SCAN {table}_1")]
                assert not whole, plan
            else:
                assert f"Seq Scan on {table} " not in plan, plan


@pytest.mark.parametrize("name", [None, "guest", "admin"])
def test_parts_of_names_are_found_by_trigrams(filled: Database, caller: Caller, name: str | None) -> None:
    client = caller(name)
    searched(client, "ice-3-12")
    with explaining(filled, "search_" if filled.sqlite else "LIKE", small=True) as plans:
        searched(client, "ice-3-12")
    assert len(plans) == 2
    for plan, table in zip(plans, ("repository", "project"), strict=True):
        wanted = f"search_{table} VIRTUAL TABLE INDEX" if filled.sqlite else f"Bitmap Index Scan on search_{table}"
        assert wanted in plan, plan
