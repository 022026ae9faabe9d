"""Storage limits of projects: who sets them at birth, and pushes that meet them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.artifacts.models import Artifact, ProjectBlob, RepositoryBlob
from app.context import Ports
from app.core.reference import RepositoryName
from app.events.quotas import QuotaWarning
from app.projects.models import Project
from app.storage.models import Blob
from tests.integration.conftest import Caller
from tests.support.blobs import SESSIONS, begin, content_of, digest_of, push
from tests.support.manifests import CONFIG, image, push_image, push_manifest, put
from tests.support.people import People

MIB = 1024 * 1024


def make(client: httpx.Client, name: str, limit: int | None = None) -> None:
    body = {"project_name": name} | ({} if limit is None else {"storage_limit": limit})
    made = client.post("/projects", json=body)
    assert made.status_code == 201, made.text


def quota(client: httpx.Client, name: str) -> tuple[int, int]:
    """Limit and use of a project."""
    shown = client.get(f"/projects/{name}/summary").json()["quota"]
    return shown["hard"]["storage"], shown["used"]["storage"]


def upload(client: httpx.Client, name: str, content: bytes) -> httpx.Response:
    return client.put(begin(client, name), params={"digest": digest_of(content)}, content=content)


def refused(answer: httpx.Response) -> str:
    """The message of a refusal because of the limit."""
    assert answer.status_code == 403, answer.text
    (error,) = answer.json()["errors"]
    assert error["code"] == "DENIED"
    assert "will exceed the configured upper limit of" in error["message"]
    return str(error["message"])


def rows(ports: Ports) -> list[int]:
    counts = (sa.select(sa.func.count()).select_from(table) for table in (Blob, RepositoryBlob, ProjectBlob, Artifact))
    with ports.db.read() as session:
        return [session.execute(count).scalar_one() for count in counts]


@pytest.mark.parametrize(
    ("who", "body", "limit"),
    [
        ("admin", {}, -1),
        ("admin", {"storage_limit": 100}, 100),
        ("admin", {"storage_limit": -1}, -1),
        ("admin", {"storage_limit": 0}, -1),
        ("admin", {"storage_limit": 2**63 - 1}, 2**63 - 1),
        ("stranger", {"storage_limit": 100}, -1),
        ("stranger", {"storage_limit": -2}, -1),
    ],
)
def test_administrators_alone_choose_the_limit(caller: Caller, who: str, body: dict[str, Any], limit: int) -> None:
    assert caller(who).post("/projects", json={"project_name": "new", **body}).status_code == 201
    assert quota(caller(who), "new") == (limit, 0)


class TestDefault:
    """With a default limit."""

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_STORAGE_PER_PROJECT": "1000"}

    def test_projects_are_born_with_it(self, caller: Caller) -> None:
        for who, body in (("admin", {}), ("admin", {"storage_limit": 0}), ("stranger", {"storage_limit": 5})):
            assert caller(who).post("/projects", json={"project_name": f"{who}{len(body)}", **body}).status_code == 201
            assert quota(caller(who), f"{who}{len(body)}") == (1000, 0)
        make(caller("admin"), "free", -1)
        assert quota(caller("admin"), "free") == (-1, 0)


class TestWithoutQuotas:
    """With quotas switched off."""

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_STORAGE_PER_PROJECT": "10", "HARBOR_QUOTA_PER_PROJECT_ENABLE": "false"}

    def test_nothing_is_refused(self, caller: Caller, registry: httpx.Client, ports: Ports) -> None:
        make(caller("admin"), "new", 10)
        assert quota(caller("admin"), "new") == (-1, 0)
        with ports.db.write() as session:
            session.execute(sa.update(Project).values(storage_limit=10))
        push_image(registry, "new/a", "1")
        push_image(registry, "new/b", "1", seed=1)

    def test_nothing_is_warned_of(self, caller: Caller, registry: httpx.Client, ports: Ports) -> None:
        told: list[object] = []
        table: Any = ports.effects
        table[QuotaWarning] = (lambda _, event: told.append(event),)
        make(caller("admin"), "new")
        with ports.db.write() as session:
            session.execute(sa.update(Project).values(storage_limit=100))
        assert upload(registry, "new/a", content_of(90)).status_code == 201
        assert told == []


def test_a_blob_beyond_the_limit_is_refused_and_a_smaller_one_passes(
    admin: httpx.Client, registry: httpx.Client, ports: Ports
) -> None:
    make(admin, "new", 2 * MIB)
    push(registry, RepositoryName("new/a"), content_of(MIB, 1))
    before = rows(ports)
    message = refused(upload(registry, "new/a", content_of(MIB + 1, 2)))
    assert message == (
        "adding 1.0 MiB of storage resource, which when updated to current usage of 1.0 MiB "
        "will exceed the configured upper limit of 2.0 MiB."
    )
    assert (rows(ports), quota(admin, "new")) == (before, (2 * MIB, MIB))
    push(registry, RepositoryName("new/a"), content_of(MIB, 3))
    assert quota(admin, "new") == (2 * MIB, 2 * MIB)


def test_a_full_project_refuses_uploads_before_they_begin(admin: httpx.Client, registry: httpx.Client) -> None:
    make(admin, "new", 100)
    push(registry, RepositoryName("new/a"), content_of(100))
    refused(registry.post(SESSIONS.format(name="new/a")))
    refused(registry.post(SESSIONS.format(name="new/b"), params={"digest": digest_of(b"x")}, content=b"x"))


def test_a_manifest_counts_and_is_refused(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    layer = content_of(64)
    manifest = image(layer)
    whole = len(layer) + len(CONFIG) + len(manifest)
    make(admin, "short", whole - 1)
    make(admin, "enough", whole)
    for name in ("short/a", "enough/a"):
        for content in (layer, CONFIG):
            push(registry, RepositoryName(name), content)
    before = rows(ports)
    refused(put(registry, "short/a", manifest, "1"))
    assert (rows(ports), quota(admin, "short")[1]) == (before, len(layer) + len(CONFIG))
    assert admin.get("/projects/short/repositories").json() == []
    push_manifest(registry, "enough/a", manifest, "1")
    assert quota(admin, "enough") == (whole, whole)
    push_manifest(registry, "enough/a", manifest, "2")
    assert quota(admin, "enough") == (whole, whole)


def test_what_is_shared_counts_once(admin: httpx.Client, registry: httpx.Client) -> None:
    content = content_of(100)
    make(admin, "new", 150)
    push(registry, RepositoryName("new/a"), content)
    push(registry, RepositoryName("new/b"), content)
    mounted = registry.post(SESSIONS.format(name="new/c"), params={"mount": digest_of(content), "from": "new/a"})
    assert mounted.status_code == 201
    assert quota(admin, "new") == (150, 100)


def test_a_mount_beyond_the_limit_is_refused(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    content = content_of(100)
    push(registry, RepositoryName("private/a"), content)
    make(admin, "new", 99)
    before = rows(ports)
    wanted = {"mount": digest_of(content), "from": "private/a"}
    refused(registry.post(SESSIONS.format(name="new/a"), params=wanted))
    assert (rows(ports), quota(admin, "new")) == (before, (99, 0))


def test_deleting_makes_room(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    with ports.db.read() as session:
        project = session.execute(sa.select(Project.id).where(Project.name == "private")).scalar_one()
    push_image(registry, "private/a", "1")
    used = quota(admin, "private")[1]
    with ports.db.write() as session:
        session.execute(sa.update(Project).where(Project.id == project).values(storage_limit=used))
    refused(registry.post(SESSIONS.format(name="private/b")))
    assert admin.delete("/projects/private/repositories/a").status_code == 200
    assert quota(admin, "private")[1] == 0
    push_image(registry, "private/b", "1", seed=1)
    assert quota(admin, "private") == (used, used)


def test_what_is_over_its_limit_still_takes_what_adds_nothing(
    admin: httpx.Client, registry: httpx.Client, ports: Ports
) -> None:
    manifest = push_image(registry, "private/a", "1")
    with ports.db.write() as session:
        session.execute(sa.update(Project).values(storage_limit=1))
    push_manifest(registry, "private/a", manifest, "2")
    assert admin.delete("/projects/private/repositories/a").status_code == 200


def test_pushes_at_the_same_time_never_pass_the_limit(
    admin: httpx.Client, app: Flask, people: People, ports: Ports
) -> None:
    make(admin, "new", 5 * 1000)

    def attempt(number: int) -> int:
        transport = httpx.WSGITransport(app=app)
        with httpx.Client(
            transport=transport, base_url="http://registry.test", auth=people["admin"].credentials
        ) as one:
            started = one.post(SESSIONS.format(name=f"new/a{number % 3}"))
            if started.status_code != 202:
                return started.status_code
            content = content_of(1000, number)
            return one.put(
                started.headers["Location"], params={"digest": digest_of(content)}, content=content
            ).status_code

    with ThreadPoolExecutor(6) as pool:
        answers = sorted(pool.map(attempt, range(12)))
    assert answers == [201] * 5 + [403] * 7
    assert quota(admin, "new") == (5000, 5000)
    with ports.db.read() as session:
        charged = sa.select(sa.func.sum(Blob.size)).join(ProjectBlob, ProjectBlob.blob_id == Blob.id)
        assert session.execute(charged).scalar_one() == 5000


def test_who_sees_the_quota(caller: Caller) -> None:
    assert "quota" in caller("limited").get("/projects/public/summary").json()
    for who in (None, "stranger"):
        assert "quota" not in caller(who).get("/projects/public/summary").json()
