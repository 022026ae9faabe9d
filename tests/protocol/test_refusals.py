"""What was denied at the registry's door is on record, whichever thread of the server answered."""

import httpx
import pytest
import sqlalchemy as sa

from app.audit.models import AuditLog
from app.context import Ports
from tests.protocol.conftest import Connect
from tests.support.accounts import make_user
from tests.support.blobs import SESSIONS, content_of
from tests.support.manifests import push_image


def denied(ports: Ports) -> list[tuple[str, ...]]:
    shown = sa.select(AuditLog.username, AuditLog.operation, AuditLog.resource).where(AuditLog.success.is_(sa.false()))
    with ports.db.read() as session:
        return sorted(tuple(row) for row in session.execute(shown))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_denials_are_recorded(pusher: httpx.Client, connect: Connect, client: httpx.Client, ports: Ports) -> None:
    push_image(pusher, "library-test/app", "1")
    stranger = connect(make_user(ports, "stranger"))
    for number in range(3):
        name = f"library-test/app{number}"
        answers = [
            stranger.get(f"/v2/{name}/manifests/1"),
            stranger.head(f"/v2/{name}/manifests/1"),
            stranger.post(SESSIONS.format(name=name), content=content_of(100_000)),
            stranger.delete(f"/v2/{name}/manifests/1"),
        ]
        assert [answer.status_code for answer in answers] == [403] * 4
        assert client.get(f"/v2/{name}/manifests/1").status_code == 401
    assert {(name, resource) for name, _, resource in denied(ports)} == {
        ("stranger", f"library-test/app{number}") for number in range(3)
    }
    assert {operation for _, operation, _ in denied(ports)} == {"create", "pull", "delete"}
