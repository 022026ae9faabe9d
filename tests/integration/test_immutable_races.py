"""What immutability rules cost, and rules and tags that change at once: nothing moves a tag after a rule's answer."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Tag
from app.artifacts.repositories import lock_published
from app.artifacts.service import find_artifact
from app.artifacts.tags import TaggedArtifact, point_tags
from app.context import Context, Ports
from app.immutability.service import ImmutabilityService
from tests.integration.test_immutable_tags import ARTIFACTS, DELETIONS, NAME, REPOSITORY, another, digest_under
from tests.support.blobs import digest_of
from tests.support.immutability import RULES, make_rule, rule_body
from tests.support.manifests import push_image, push_manifest, put
from tests.support.overlap import overlapped
from tests.support.queries import counted_statements


@pytest.fixture
def manifest(registry: httpx.Client) -> bytes:
    """An image with the tag ``v1``."""
    return push_image(registry, NAME, "v1")


def test_a_push_asks_once_and_only_when_a_tag_moves(
    admin: httpx.Client, registry: httpx.Client, manifest: bytes, ports: Ports
) -> None:
    manifests = [another(registry), manifest]

    def statements(number: int, tag: str) -> int:
        with counted_statements(ports.db) as counted:
            assert put(registry, NAME, manifests[number], tag).status_code == 201
        return sum("immutable_rule" in statement for statement in counted)

    put(registry, NAME, manifest, "latest")
    assert [statements(1, "new"), statements(1, "new"), statements(0, "new")] == [0, 0, 1]
    make_rule(admin)
    assert [statements(1, "newer"), statements(1, "newer"), statements(0, "newer")] == [0, 0, 1]


@pytest.mark.parametrize("place", [ARTIFACTS, f"{ARTIFACTS}/v1/tags"])
def test_the_marks_of_a_page_cost_two_statements(
    admin: httpx.Client, registry: httpx.Client, manifest: bytes, ports: Ports, place: str
) -> None:
    make_rule(admin)
    plain, marked = f"{place}?page_size=50", f"{place}?page_size=50&with_immutable_status=true"
    costs = []
    for turn in range(2):
        for path in (plain, marked):
            admin.get(path)
            with counted_statements(ports.db) as counted:
                admin.get(path)
            costs.append(len(counted))
        for number in range(10):
            push_manifest(registry, NAME, manifest, f"t{number}")
            push_image(registry, NAME, f"image{number}", seed=10 + number)
            make_rule(admin, f"image{turn}-{number}")
    assert costs == [costs[0], costs[0] + 2, costs[0], costs[0] + 2]


def test_a_repository_of_many_tags_is_looked_through(
    admin: httpx.Client, manifest: bytes, registry: httpx.Client, ctx: Context
) -> None:
    make_rule(admin, "zzz")
    artifact = admin.get(f"{ARTIFACTS}/v1").json()
    rows = [
        {
            "repository_id": artifact["repository_id"],
            "artifact_id": artifact["id"],
            "name": f"t{number:05}",
            "push_time": ctx.ports.clock.now(),
        }
        for number in range(2500)
    ]
    with ctx.write() as session:
        session.execute(sa.insert(Tag), rows)
    push_manifest(registry, NAME, manifest, "zzz")
    assert "tag zzz" in admin.delete(REPOSITORY).text
    assert admin.get(f"{ARTIFACTS}/v1/tags").headers["X-Total-Count"] == "2502"
    assert registry.delete(f"/v2/{NAME}/manifests/zzz").status_code == 412
    make = admin.get(RULES).json()[0]
    assert admin.delete(f"{RULES}/{make['id']}").status_code == 200
    assert admin.delete(REPOSITORY).status_code == 200


def test_a_rule_waits_for_a_tag_that_moves(
    registry: httpx.Client, manifest: bytes, ports: Ports, admin: httpx.Client
) -> None:
    other = another(registry)

    def move(ctx: Context) -> None:
        with ctx.write() as session:
            place = lock_published(session, NAME)
            artifact = TaggedArtifact(id=find_artifact(session, NAME, digest_of(other)), digest=digest_of(other))
            assert point_tags(ctx, place, artifact, ["v1"], pushed=True)

    def make(ctx: Context) -> str:
        ImmutabilityService(ctx).create("private", rule_body())
        return digest_under(registry, "v1")

    assert overlapped(ports, move, make) == digest_of(other)
    assert put(registry, NAME, manifest, "v1").status_code == 412
    assert admin.get(f"{ARTIFACTS}/v1").json()["digest"] == digest_of(other)


@pytest.mark.parametrize("way", ["a push", *DELETIONS])
def test_a_change_waits_for_a_rule_that_comes(
    registry: httpx.Client, admin: httpx.Client, manifest: bytes, ports: Ports, way: str
) -> None:
    other = another(registry)

    def make(ctx: Context) -> None:
        ImmutabilityService(ctx).create("private", rule_body())

    def change(_: Context) -> int:
        if way == "a push":
            return put(registry, NAME, other, "v1").status_code
        return DELETIONS[way](admin, registry, digest_of(manifest)).status_code

    assert overlapped(ports, make, change) == 412
    assert digest_under(registry, "v1") == digest_of(manifest)


def test_pushes_while_a_rule_comes(admin: httpx.Client, registry: httpx.Client, manifest: bytes) -> None:
    manifests = [manifest, another(registry)]

    def moves(turn: int) -> int:
        return put(registry, NAME, manifests[turn % 2], "v1").status_code

    with ThreadPoolExecutor(4) as pool:
        pushes = [pool.submit(moves, turn) for turn in range(12)]
        rule = pool.submit(make_rule, admin)
        more = [pool.submit(moves, turn) for turn in range(12)]
        assert rule.result()
        kept = digest_under(registry, "v1")
        assert {push.result() for push in (*pushes, *more)} <= {201, 412}
    assert digest_under(registry, "v1") == kept
