"""An identity source beside the database: its people log in, get accounts, roles by groups, and lose them again."""

from dataclasses import replace

import httpx
import pytest
import sqlalchemy as sa
from argon2 import PasswordHasher
from flask import Flask
from structlog.testing import capture_logs

from app.context import Context, Ports
from app.core.errors import DeniedError, UnauthenticatedError
from app.core.plugins import Family
from app.identity.authentication import Authenticator
from app.identity.models import LoginFailure, RefreshToken, UserGroup
from app.identity.people import GroupType
from app.identity.service import UserService
from app.identity.sources.source import SourceGroup
from tests.integration.conftest import Caller
from tests.integration.test_api_conventions import error_of
from tests.support import accounts
from tests.support.clock import MovableClock
from tests.support.directory import (
    ALICE,
    PASSWORD,
    TEAM,
    WHO,
    Directory,
    counted_failures,
    row_of,
    status_of,
)
from tests.support.members import MEMBERS
from tests.support.people import People
from tests.support.robots import may
from tests.support.tokens import SERVICE

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def give_team_a_role(admin: httpx.Client, role: int = 2) -> None:
    body = {"role_id": role, "member_group": {"group_name": TEAM.name, "group_type": int(TEAM.type)}}
    assert admin.post(MEMBERS, json=body).status_code == 201


class TestWhoIsAsked:
    @pytest.mark.parametrize("name", ["guest", "guest@example.test", "admin", "robot$nobody"])
    def test_passwords_of_others_are_shown_to_no_outside_source(
        self, client: httpx.Client, people: People, directory: Directory, name: str
    ) -> None:
        assert status_of(client, (name, "Wrong12345")) == 401
        assert status_of(client, people["guest"].credentials) == 200
        assert directory.asked == []

    @pytest.mark.usefixtures("people")
    def test_a_disabled_account_of_the_database_neither(
        self, client: httpx.Client, people: People, directory: Directory, ctx: Context
    ) -> None:
        UserService(ctx).disable(people["guest"].id)
        assert status_of(client, people["guest"].credentials) == 401
        assert directory.asked == []

    @ONE_DATABASE
    def test_a_source_that_is_not_wanted(self, client: httpx.Client, directory: Directory, clock: MovableClock) -> None:
        assert status_of(client, ALICE) == 200
        clock.forward(61)
        directory.is_enabled = False
        assert [status_of(client, one) for one in (ALICE, ("bob", PASSWORD))] == [401, 401]
        assert directory.asked == ["alice"]

    @ONE_DATABASE
    def test_a_source_that_is_in_the_list_no_more(
        self, client: httpx.Client, ports: Ports, directory: Directory
    ) -> None:
        assert status_of(client, ALICE) == 200
        listed = replace(ports, sources=Family("identity source", dict(list(ports.sources.members.items())[:-1])))
        with capture_logs() as lines, pytest.raises(UnauthenticatedError):
            Authenticator(listed).basic(*ALICE, "192.0.2.1")
        assert [(line["event"], line["source"]) for line in lines] == [("identity_source_unknown", directory.name)]


@ONE_DATABASE
def test_every_wrong_password_costs_one_hash_whoever_it_is_for(
    client: httpx.Client, people: People, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert status_of(client, ALICE) == 200
    UserService(ctx).disable(people["master"].id)
    hashes: list[str] = []
    verify = PasswordHasher.verify

    def counted(hasher: PasswordHasher, stored: str, password: str) -> bool:
        hashes.append(password)
        return verify(hasher, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    for number, name in enumerate(("guest", "master", "alice", "nobody", "robot$nobody")):
        assert status_of(client, (name, f"Wrong{number}")) == 401
        assert hashes == [f"Wrong{other}" for other in range(number + 1)], name


class TestRoles:
    def test_groups_give_rights_in_projects(self, client: httpx.Client, admin: httpx.Client) -> None:
        give_team_a_role(admin)
        assert may(client, "private", auth=ALICE) == {"pull", "push"}
        assert may(client, "private", auth=("bob", PASSWORD)) == set()

    def test_a_group_that_is_left_takes_them_back(
        self, client: httpx.Client, admin: httpx.Client, directory: Directory, clock: MovableClock, ports: Ports
    ) -> None:
        give_team_a_role(admin)
        assert may(client, "private", auth=ALICE) == {"pull", "push"}
        directory.change("alice", groups=())
        assert may(client, "private", auth=ALICE) == {"pull", "push"}, "what was verified is remembered for a minute"
        clock.forward(61)
        assert may(client, "private", auth=ALICE) == set()
        row = row_of(ports, "alice")
        assert row is not None
        assert row.version == 2, "tokens that were made before end"

    @ONE_DATABASE
    def test_groups_of_a_directory_are_known_by_their_distinguished_names(
        self, client: httpx.Client, directory: Directory, ports: Ports
    ) -> None:
        both = (SourceGroup(type=GroupType.LDAP, name="devs", dn=f"cn=devs,ou={unit}") for unit in ("a", "b"))
        directory.change("bob", groups=tuple(both))
        assert status_of(client, ("bob", PASSWORD)) == 200
        with ports.db.read() as session:
            dns = session.scalars(sa.select(UserGroup.ldap_group_dn).order_by(UserGroup.id)).all()
        assert dns == ["cn=devs,ou=a", "cn=devs,ou=b"]


class TestEnds:
    def test_who_is_shut_out_there_is_refused_within_a_minute(
        self, client: httpx.Client, directory: Directory, clock: MovableClock
    ) -> None:
        assert status_of(client, ALICE) == 200
        directory.people.clear()
        assert status_of(client, ALICE) == 200
        clock.forward(61)
        assert status_of(client, ALICE) == 401

    def test_who_is_disabled_here_is_refused_at_once(
        self, client: httpx.Client, admin: httpx.Client, ports: Ports, ctx: Context
    ) -> None:
        assert [status_of(client, ALICE), admin.get("/users/current").status_code] == [200, 200]
        row = row_of(ports, "alice")
        assert row is not None
        UserService(ctx).disable(row.id)
        assert [status_of(client, ALICE), counted_failures(ports) > 0] == [401, True]

    def test_who_is_deleted_here_comes_back_as_somebody_new(self, client: httpx.Client, admin: httpx.Client) -> None:
        give_team_a_role(admin)
        before = client.get(WHO, auth=ALICE).json()["user_id"]
        assert admin.delete(f"/users/{before}").status_code == 200
        after = client.get(WHO, auth=ALICE)
        assert after.status_code == 200
        assert after.json()["user_id"] > before

    @ONE_DATABASE
    def test_nothing_outlives_the_source_by_an_identity_token(
        self, app_routes: Flask, client: httpx.Client, people: People, ports: Ports
    ) -> None:
        asked = {"service": SERVICE, "offline_token": "true"}
        answers = [
            client.get("/service/token", params=asked, auth=one).json() for one in (ALICE, people["guest"].credentials)
        ]
        assert ["refresh_token" in answer for answer in answers] == [False, True]
        with ports.db.read() as session:
            assert session.scalar(sa.select(sa.func.count()).select_from(RefreshToken)) == 1


@ONE_DATABASE
class TestPasswordsAndProfiles:
    def test_they_are_changed_where_the_person_belongs(
        self, client: httpx.Client, caller: Caller, people: People, ports: Ports, ctx: Context
    ) -> None:
        user_id = client.get(WHO, auth=ALICE).json()["user_id"]
        path, new = f"/users/{user_id}", "Another12345"
        with httpx.Client(transport=client._transport, base_url=caller(None).base_url, auth=ALICE) as own:
            for one in (own, caller("admin")):
                password = one.put(f"{path}/password", json={"old_password": PASSWORD, "new_password": new})
                profile = one.put(path, json={"email": "other@example.test", "realname": "x", "comment": ""})
                for refused in (password, profile):
                    assert error_of(refused) == (403, "FORBIDDEN")
                    assert f"User with ID {user_id} can't be updated" in refused.json()["errors"][0]["message"]
        with pytest.raises(DeniedError, match="identity source directory"):
            UserService(ctx).set_password(user_id, new)
        assert counted_failures(ports) == 0
        assert [status_of(client, one) for one in (("alice", new), ALICE)] == [401, 200]

    def test_an_administrator_of_the_system_can_be_made_of_them(
        self, client: httpx.Client, admin: httpx.Client
    ) -> None:
        user_id = client.get(WHO, auth=ALICE).json()["user_id"]
        assert admin.put(f"/users/{user_id}/sysadmin", json={"sysadmin_flag": True}).status_code == 200
        assert client.get(WHO, auth=ALICE).json()["sysadmin_flag"] is True


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """An installation that gives identity tokens."""
    return environment | {"HARBOR_IDENTITY_TOKENS": "true"}


@ONE_DATABASE
def test_guesses_at_names_of_any_spelling_are_slowed_down_together(ports: Ports) -> None:
    accounts.make_user(ports, "first")
    door = Authenticator(ports)
    for name in ("alice", "ALICE", "Alice", "aLICE", "alicE"):
        with pytest.raises(UnauthenticatedError):
            door.basic(name, "Wrong12345", "192.0.2.1")
    with ports.db.read() as session:
        failure = session.get_one(LoginFailure, ("alice", "192.0.2.1"))
    assert (failure.count, failure.blocked_until > 0) == (5, True)
