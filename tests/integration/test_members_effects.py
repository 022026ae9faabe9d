"""What a change of members sets off: tokens that stop, events, counts; and what ends a membership."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.access.roles import Role
from app.context import Context, Ports
from app.events.management import MemberAdded, MemberRemoved, MemberUpdated, UserDeleted, UserGroupDeleted
from app.projects.members import count_by_role
from app.projects.models import ProjectMember
from tests.integration.conftest import Caller
from tests.support.members import MEMBERS, last_part, make_group, version
from tests.support.people import People

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def master(caller: Caller) -> httpx.Client:
    """The project's own administrator."""
    return caller("master")


@pytest.fixture
def emitted(ports: Ports) -> list[object]:
    """The events of members, in their order."""
    seen: list[object] = []

    def note(_ctx: Context, event: object) -> None:
        seen.append(event)

    table: Any = ports.effects
    for kind in (MemberAdded, MemberUpdated, MemberRemoved):
        table[kind] = (*table.get(kind, ()), note)
    return seen


def test_every_change_stops_the_tokens_of_the_user(master: httpx.Client, people: People, ports: Ports) -> None:
    stranger, other = people["stranger"].id, people["guest"].id
    before, others = version(ports, stranger), version(ports, other)
    path = f"{MEMBERS}/{last_part(master.post(MEMBERS, json={'role_id': 3, 'member_user': {'user_id': stranger}}))}"
    assert version(ports, stranger) == before + 1
    master.put(path, json={"role_id": 2})
    assert version(ports, stranger) == before + 2
    master.delete(path)
    assert version(ports, stranger) == before + 3
    assert version(ports, other) == others


def test_every_change_of_a_group_stops_the_tokens_of_its_people(
    master: httpx.Client, people: People, ports: Ports
) -> None:
    inside, outside = [people[name].id for name in ("stranger", "guest")], people["developer"].id
    group = make_group(ports, "crew", *inside)
    before = [version(ports, user) for user in (*inside, outside)]
    path = f"{MEMBERS}/{last_part(master.post(MEMBERS, json={'role_id': 3, 'member_group': {'id': group}}))}"
    master.put(path, json={"role_id": 2})
    master.delete(path)
    after = [version(ports, user) for user in (*inside, outside)]
    assert [now - then for now, then in zip(after, before, strict=True)] == [3, 3, 0]


@ONE_DATABASE
def test_changes_are_told(master: httpx.Client, people: People, emitted: list[object]) -> None:
    project = master.get("/projects/private").json()["project_id"]
    about = {"project_id": project, "project": "private", "entity_name": people["stranger"].name}
    path = f"{MEMBERS}/{last_part(master.post(MEMBERS, json={'role_id': 3, 'member_user': {'username': 'stranger'}}))}"
    master.put(path, json={"role_id": 2})
    master.put(path, json={"role_id": 9})
    master.delete(path)
    master.delete(path)
    assert emitted == [MemberAdded(**about, role=3), MemberUpdated(**about, role=2), MemberRemoved(**about)]


def test_roles_are_counted(master: httpx.Client, ports: Ports) -> None:
    group = make_group(ports, "crew")
    last_part(master.post(MEMBERS, json={"role_id": 3, "member_group": {"id": group}}))
    project = master.get("/projects/private").json()["project_id"]
    with ports.db.read() as session:
        assert count_by_role(session, project) == {
            Role.PROJECT_ADMIN: 2,
            Role.MAINTAINER: 1,
            Role.DEVELOPER: 1,
            Role.GUEST: 2,
            Role.LIMITED_GUEST: 1,
        }
        assert count_by_role(session, 777777) == {}


Deletion = Callable[[Context, int], None]


def _delete_user(ctx: Context, user_id: int) -> None:
    ctx.emit(UserDeleted(user_id=user_id, username="guest"))


def _delete_group(ctx: Context, group_id: int) -> None:
    ctx.emit(UserGroupDeleted(group_id=group_id, group_name="crew"))


@pytest.mark.parametrize(("kind", "delete"), [("u", _delete_user), ("g", _delete_group)])
def test_who_is_deleted_is_nobodys_member(
    ctx: Context, ports: Ports, people: People, kind: str, delete: Deletion, admin: httpx.Client
) -> None:
    group = make_group(ports, "crew")
    last_part(admin.post(MEMBERS, json={"role_id": 3, "member_group": {"id": group}}))
    entity = people["guest"].id if kind == "u" else group
    with ctx.write():
        delete(ctx, entity)
    with ports.db.read() as session:
        left = session.execute(sa.select(ProjectMember.entity_type, ProjectMember.entity_id)).all()
    assert (kind, entity) not in [tuple(row) for row in left]
    assert len(left) == (11 if kind == "u" else 12)


def test_members_are_listed_under_a_new_name(master: httpx.Client, admin: httpx.Client, ports: Ports) -> None:
    group = make_group(ports, "crew")
    master.post(MEMBERS, json={"role_id": 3, "member_group": {"id": group}})
    assert admin.put(f"/usergroups/{group}", json={"group_name": "team"}).status_code == 200
    shown = {name: master.get(MEMBERS, params={"entityname": name}).json() for name in ("crew", "team")}
    assert (shown["crew"], [member["entity_id"] for member in shown["team"]]) == ([], [group])
