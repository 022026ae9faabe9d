"""Roles that come through groups, on the management API and on ``/v2``: the strongest counts, and they end in time."""

from typing import Any

import httpx
import jwt
import pytest
import sqlalchemy as sa

from app.context import Context, Ports
from app.identity.models import UserGroupMember
from app.projects.candidates import Candidate
from app.projects.members import MemberService
from tests.protocol.conftest import Connect
from tests.support.clock import MovableClock
from tests.support.manifests import push_image
from tests.support.members import make_group
from tests.support.people import People
from tests.support.tokens import ask, bearer

IMAGE = "private/image"
SCOPE = f"repository:{IMAGE}:pull,push,delete"
TAG = f"/v2/{IMAGE}/manifests/1"


def granted(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    claims: dict[str, Any] = jwt.decode(response.json()["token"], options={"verify_signature": False})
    (entry,) = claims["access"]
    actions: list[str] = entry["actions"]
    return actions


@pytest.fixture
def image(connect: Connect, people: People) -> None:
    """An image in the private project."""
    push_image(connect(people["admin"]), IMAGE, "1")


@pytest.mark.parametrize(
    ("roles", "actions"),
    [
        ([], []),
        ([5], ["pull"]),
        ([3], ["pull"]),
        ([2], ["pull", "push"]),
        ([4], ["pull", "push", "delete"]),
        ([1], ["pull", "push", "delete"]),
        ([5, 2, 3], ["pull", "push"]),
    ],
)
def test_the_strongest_role_of_several_groups_counts(
    client: httpx.Client, people: People, ports: Ports, ctx: Context, roles: list[int], actions: list[str]
) -> None:
    stranger = people["stranger"]
    for role in roles:
        group = make_group(ports, f"group-{role}", stranger.id)
        MemberService(ctx).add("private", Candidate(group_id=group), role)
    make_group(ports, "elsewhere", stranger.id)
    assert granted(ask(client, stranger, SCOPE)) == actions
    seen = client.get("/api/v2.0/projects/private/repositories", auth=stranger.credentials)
    assert seen.status_code == (200 if roles else 403)


def test_own_and_group_roles_add_up(client: httpx.Client, people: People, ports: Ports, ctx: Context) -> None:
    assert granted(ask(client, people["guest"], SCOPE)) == ["pull"]
    MemberService(ctx).add("private", Candidate(group_id=make_group(ports, "crew", people["guest"].id)), 2)
    assert granted(ask(client, people["guest"], SCOPE)) == ["pull", "push"]
    assert granted(ask(client, people["limited"], SCOPE)) == ["pull"]
    weaker = make_group(ports, "others", people["maintainer"].id)
    MemberService(ctx).add("private", Candidate(group_id=weaker), 5)
    assert granted(ask(client, people["maintainer"], SCOPE)) == ["pull", "push", "delete"]


@pytest.mark.usefixtures("image")
def test_a_token_ends_with_the_role_of_the_group(
    client: httpx.Client, people: People, ports: Ports, ctx: Context, clock: MovableClock
) -> None:
    stranger = people["stranger"]
    member = MemberService(ctx).add("private", Candidate(group_id=make_group(ports, "crew", stranger.id)), 3)
    token = bearer(client, stranger, SCOPE)
    assert client.get(TAG, headers=token).status_code == 200
    MemberService(ctx).remove("private", member)
    clock.forward(6)
    assert client.get(TAG, headers=token).status_code == 401
    assert granted(ask(client, stranger, SCOPE)) == []


@pytest.mark.usefixtures("image")
def test_who_leaves_the_group_loses_the_role(client: httpx.Client, people: People, ports: Ports, ctx: Context) -> None:
    stranger = people["stranger"]
    MemberService(ctx).add("private", Candidate(group_id=make_group(ports, "crew", stranger.id)), 3)
    assert client.get(TAG, auth=stranger.credentials).status_code == 200
    with ports.db.write() as session:
        session.execute(sa.delete(UserGroupMember))
    assert client.get(TAG, auth=stranger.credentials).status_code == 403
    assert client.get("/api/v2.0/projects/private", auth=stranger.credentials).status_code == 403
