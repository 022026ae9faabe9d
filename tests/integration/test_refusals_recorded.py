"""What was refused is on record though its transaction is undone, within bounds and beside Harbor's lists."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.access.principals import ANONYMOUS, Principal, PrincipalKind
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.core.errors import DeniedError, StorageFull
from app.core.refusal_bounds import PER_CALLER
from app.events.quotas import ProjectQuotaExceeded, QuotaWarning
from app.events.refusals import DeleteDenied, PullDenied
from app.projects.models import Project
from tests.integration.conftest import Caller
from tests.integration.test_quotas import make, upload
from tests.support.blobs import SESSIONS, content_of, digest_of
from tests.support.clock import MovableClock
from tests.support.manifests import image, push_image, put
from tests.support.people import People

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
As = Callable[[str | None], httpx.Client]


@pytest.fixture(autouse=True)
def _a_new_minute(clock: MovableClock) -> None:
    """Bounds are for whole minutes, of which a test shall see one alone."""
    clock.forward(60.5 - clock.now().timestamp() % 60)


@pytest.fixture
def registry_as(client: httpx.Client, people: People) -> As:
    """A client of the registry in the name of one of ``people``; None is nobody."""

    def call(name: str | None) -> httpx.Client:
        credentials = people[name].credentials if name else None
        return httpx.Client(transport=client._transport, base_url="http://registry.test", auth=credentials)

    return call


def refused(ctx: Context) -> list[tuple[object, ...]]:
    shown = sa.select(AuditLog.project_id, AuditLog.username, AuditLog.operation, AuditLog.resource).where(
        AuditLog.success.is_(sa.false()), AuditLog.resource_type == "artifact"
    )
    with ctx.read() as session:
        return [tuple(row) for row in session.execute(shown.order_by(AuditLog.op_time, AuditLog.id))]


def listened(ports: Ports, kind: Any) -> list[Any]:  # noqa: ANN401 - a class of events
    table: Any = ports.effects
    told: list[Any] = []
    table[kind] = (*table[kind], lambda _, event: told.append(event))
    return told


def test_denied_pushes_pulls_and_deletions(registry_as: As, caller: Caller, admin: httpx.Client, ctx: Context) -> None:
    manifest = push_image(registry_as("admin"), "private/a", "1")
    before = admin.get("/projects/private/auditlog-exts").json()
    guest, stranger = registry_as("guest"), registry_as("stranger")
    place = f"/v2/private/a/manifests/{digest_of(manifest)}"
    answers = [
        stranger.get(place),
        guest.post(SESSIONS.format(name="private/a")),
        put(guest, "private/b", manifest, "1"),
        guest.delete(place),
        caller("guest").delete("/projects/private/repositories/a/artifacts/1"),
        caller("guest").delete("/projects/private/repositories/a"),
        caller("stranger").delete("/projects/none/repositories/a"),
    ]
    assert [answer.status_code for answer in answers] == [403] * 7
    assert refused(ctx) == [
        (0, "stranger", "pull", "private/a"),
        (0, "guest", "create", "private/a"),
        (0, "guest", "create", "private/b"),
        (0, "guest", "delete", "private/a"),
        (0, "guest", "delete", "private/a:1"),
        (0, "stranger", "delete", "none/a"),
    ]
    assert admin.get("/projects/private/auditlog-exts").json() == before


@ONE
def test_a_denied_caller_does_not_fill_the_log(registry_as: As, ctx: Context, clock: MovableClock) -> None:
    stranger, nobody = registry_as("stranger"), registry_as(None)
    for _ in range(20):
        assert stranger.get("/v2/private/a/manifests/1").status_code == 403
        assert nobody.get("/v2/private/a/manifests/1").status_code == 401
    assert len(refused(ctx)) == 1
    for number in range(PER_CALLER + 10):
        assert stranger.get(f"/v2/private/a{number}/manifests/1").status_code == 403
    assert len(refused(ctx)) == PER_CALLER
    assert stranger.delete("/v2/private/a/manifests/1").status_code == 403
    assert len(refused(ctx)) == PER_CALLER + 1, "another kind is on record all the same"
    clock.forward(60)
    assert stranger.get("/v2/private/a/manifests/1").status_code == 403
    assert len(refused(ctx)) == PER_CALLER + 2


def test_a_full_project_is_told_once_a_minute(
    admin: httpx.Client, registry: httpx.Client, ports: Ports, clock: MovableClock
) -> None:
    told = listened(ports, ProjectQuotaExceeded)
    make(admin, "new", 100)
    assert upload(registry, "new/a", content_of(90)).status_code == 201
    for seed in (1, 2):
        assert upload(registry, "new/a", content_of(50, seed)).status_code == 403
    assert [(event.used, event.limit, event.adding, event.operator) for event in told] == [(90, 100, 50, "admin")]
    clock.forward(60)
    manifest = image(content_of(90), config=content_of(90))
    assert put(registry, "new/a", manifest, "1").status_code == 403
    assert [(event.used, event.adding) for event in told][1:] == [(90, len(manifest))]


def test_the_warning_comes_once_for_each_crossing(admin: httpx.Client, registry: httpx.Client, ports: Ports) -> None:
    told = listened(ports, QuotaWarning)
    make(admin, "new", 1000)
    for size in (849, 1, 100):
        assert upload(registry, "new/a", content_of(size)).status_code == 201
    assert [(event.used, event.limit) for event in told] == [(850, 1000)]
    for size in (849, 1):
        assert registry.delete(f"/v2/new/a/blobs/{digest_of(content_of(size))}").status_code == 202
    assert upload(registry, "new/b", content_of(749, 7)).status_code == 201
    assert len(told) == 1
    assert upload(registry, "new/b", content_of(2, 8)).status_code == 201
    assert [event.used for event in told] == [850, 851]


def test_facts_outlive_the_rollback_of_what_was_refused(ctx: Context, ports: Ports, people: People) -> None:
    caller = Context(ports, Principal(kind=PrincipalKind.USER, id=people["guest"].id, name="guest"))

    def change() -> None:
        with caller.write() as session:
            session.execute(sa.update(Project).values(repo_count=7))
            with caller.write():
                raise DeniedError("no").carrying(PullDenied(repository="private/a"))

    with pytest.raises(DeniedError, match="no"):
        change()
    assert refused(ctx) == [(0, "guest", "pull", "private/a")]
    with ctx.read() as session:
        assert set(session.execute(sa.select(Project.repo_count)).scalars()) == {0}


def test_what_is_denied_within_is_recorded_once_wherever_it_is_raised(ctx: Context, ports: Ports) -> None:
    for principal in (ctx.principal, ANONYMOUS):
        caller = Context(ports, principal)
        for number in range(2):
            fact = DeleteDenied(repository=f"private/{number}", reference="1")
            with pytest.raises(DeniedError), caller.refusing(fact):
                raise DeniedError
            fact = DeleteDenied(repository=f"private/{number}", reference="sha256:0")
            with pytest.raises(DeniedError), caller.write(), caller.refusing(fact):
                raise DeniedError
    assert refused(ctx) == [
        (0, "harbor", "delete", f"private/{number}{reference}")
        for number in range(2)
        for reference in (":1", "@sha256:0")
    ]


@ONE
def test_who_is_refused_is_told_so_though_it_cannot_be_recorded(registry_as: As, ctx: Context, ports: Ports) -> None:
    def full(_ctx: Context, _event: PullDenied) -> None:
        raise StorageFull

    table: Any = ports.effects
    table[PullDenied] = (full,)
    assert registry_as("stranger").get("/v2/private/a/manifests/1").status_code == 403
    assert refused(ctx) == []
