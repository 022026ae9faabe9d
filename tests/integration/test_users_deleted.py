"""What is left of a deleted account, and what is not."""

import httpx
import pytest
import sqlalchemy as sa

from app.audit.models import AuditLog
from app.context import Ports
from app.identity.models import User, UserGroupMember
from tests.integration.conftest import Caller
from tests.support.accounts import PASSWORD, make_user
from tests.support.clock import MovableClock
from tests.support.members import make_group
from tests.support.people import People
from tests.support.tokens import bearer

any_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def members(client: httpx.Client) -> list[str]:
    return [member["entity_name"] for member in client.get("/projects/private/members?page_size=0").json()]


def test_name_and_address_are_free_again(caller: Caller, people: People, ports: Ports) -> None:
    admin, guest = caller("admin"), people["guest"]
    make_group(ports, "group", guest.id)
    gone = admin.delete(f"/users/{guest.id}")
    assert (gone.status_code, gone.content) == (200, b"")
    assert admin.get(f"/users/{guest.id}").status_code == 404
    assert admin.delete(f"/users/{guest.id}").status_code == 404
    assert "guest" not in [user["username"] for user in admin.get("/users?page_size=0").json()]
    assert admin.get("/users/search?username=guest").json() == []
    assert "guest" not in members(admin)
    assert make_user(ports, "guest").id > guest.id
    assert "guest" not in members(admin)
    with ports.db.read() as session:
        row = session.get_one(User, guest.id)
        assert (row.username, row.email) == (f"guest#{guest.id}", f"guest@example.test#{guest.id}")
        assert (row.password_hash, row.deleted) == (None, True)
        assert session.execute(sa.select(UserGroupMember)).all() == []


def test_logins_and_tokens_end(caller: Caller, client: httpx.Client, people: People, clock: MovableClock) -> None:
    guest, token = caller("guest"), bearer(client, people["guest"], "repository:private/app:pull")
    csrf = {"X-Harbor-CSRF-Token": client.get("/api/v2.0/ping").headers["X-Harbor-CSRF-Token"]}
    assert client.post("/c/login", data={"principal": "guest", "password": PASSWORD}, headers=csrf).status_code == 200
    assert guest.get("/users/current").status_code == 200
    assert caller("admin").delete(f"/users/{people['guest'].id}").status_code == 200
    clock.forward(6)
    assert guest.get("/users/current").status_code == 401
    assert client.get("/api/v2.0/users/current").status_code == 401
    assert client.get("/v2/private/app/tags/list", headers=token).status_code == 401


@any_database
def test_what_it_did_and_owns_stays(caller: Caller, people: People, ports: Ports) -> None:
    admin, stranger = caller("admin"), people["stranger"]
    assert caller("stranger").post("/projects", json={"project_name": "left"}).status_code == 201
    assert admin.delete(f"/users/{stranger.id}").status_code == 200
    project = admin.get("/projects/left").json()
    assert (project["owner_id"], project["owner_name"]) == (stranger.id, f"stranger#{stranger.id}")
    with ports.db.read() as session:
        rows = session.execute(sa.select(AuditLog.resource).where(AuditLog.username == "stranger")).scalars().all()
    assert "left" in rows


@any_database
def test_some_cannot_be_deleted(caller: Caller, people: People) -> None:
    admin, guest = caller("admin"), people["guest"].id
    assert admin.put(f"/users/{guest}/sysadmin", json={"sysadmin_flag": True}).status_code == 200
    for client, user_id in ((admin, 1), (caller("guest"), guest), (caller("guest"), 1)):
        refused = client.delete(f"/users/{user_id}")
        assert refused.status_code == 403
        assert refused.json()["errors"][0]["message"] == f"User with ID {user_id} cannot be deleted"
    assert caller("master").delete(f"/users/{guest}").status_code == 403
    assert caller(None).delete(f"/users/{guest}").status_code == 401
    assert admin.get(f"/users/{guest}").status_code == 200


@any_database
def test_long_names_are_cut_to_fit(admin: httpx.Client, ports: Ports) -> None:
    new = {"password": PASSWORD, "realname": "New"}
    made = [
        admin.post("/users", json=new | {"username": name, "email": f"{name[:240]}{at}@b.test"})
        for at, name in enumerate(("x" * 255, "x" * 254 + "y"))
    ]
    ids = [int(each.headers["Location"].rpartition("/")[2]) for each in made]
    assert [admin.delete(f"/users/{each}").status_code for each in ids] == [200, 200]
    with ports.db.read() as session:
        kept = session.execute(sa.select(User.username).where(User.id.in_(ids)).order_by(User.id)).scalars().all()
    assert kept == [f"{'x' * (254 - len(str(each)))}#{each}" for each in ids]
