"""Members of the tests' project ``private``, groups of people, and what answers about them hold."""

from datetime import UTC, datetime

import httpx
import sqlalchemy as sa

from app.context import Ports
from app.identity.models import User, UserGroup, UserGroupMember
from app.identity.people import GroupType

MEMBERS = "/projects/private/members"
BEGINNING = [
    ("admin", "projectAdmin", 1),
    ("developer", "developer", 2),
    ("guest", "guest", 3),
    ("limited", "limitedGuest", 5),
    ("maintainer", "maintainer", 4),
    ("master", "projectAdmin", 1),
]
"""The members of the project ``private``; its owner is the administrator."""


def shown(response: httpx.Response) -> list[tuple[str, str, int]]:
    assert response.status_code == 200, response.text
    return [(member["entity_name"], member["role_name"], member["role_id"]) for member in response.json()]


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def last_part(response: httpx.Response) -> int:
    assert (response.status_code, response.content) == (201, b""), response.text
    return int(response.headers["Location"].rpartition("/")[2])


def make_group(ports: Ports, name: str, *members: int, kind: GroupType = GroupType.OIDC, dn: str = "") -> int:
    now = datetime.now(UTC)
    with ports.db.write() as session:
        group = UserGroup(group_name=name, group_type=kind, ldap_group_dn=dn, creation_time=now, update_time=now)
        session.add(group)
        session.flush()
        session.add_all(UserGroupMember(user_id=user, group_id=group.id) for user in members)
        return group.id


def groups(ports: Ports) -> list[tuple[str, int]]:
    with ports.db.read() as session:
        rows = session.execute(sa.select(UserGroup.group_name, UserGroup.group_type).order_by(UserGroup.id))
        return [(row.group_name, row.group_type) for row in rows]


def version(ports: Ports, user_id: int) -> int:
    with ports.db.read() as session:
        return session.execute(sa.select(User.version).where(User.id == user_id)).scalar_one()
