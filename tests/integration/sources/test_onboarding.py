"""The first login of a person whom an identity source vouches for: their account, and what stands in its way."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import sqlalchemy as sa
from flask import Flask

from app.audit.models import AuditLog
from app.context import Ports
from app.core.errors import NotOnboarded
from app.identity import onboarding
from app.identity.authentication import Authenticator
from app.identity.people import GroupType
from app.identity.sources.source import SourceGroup
from tests.integration.test_api_conventions import error_of
from tests.support.browser import Browser
from tests.support.clock import MovableClock
from tests.support.directory import (
    ALICE,
    NAME,
    PASSWORD,
    TEAM,
    WHO,
    Directory,
    counted_failures,
    person,
    row_of,
    status_of,
)
from tests.support.members import groups
from tests.support.tokens import SERVICE

ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.usefixtures("people")
class TestFirstLogin:
    def test_an_account_is_made_with_what_the_source_says(self, client: httpx.Client, ports: Ports) -> None:
        shown = client.get(WHO, auth=ALICE)
        assert shown.status_code == 200, shown.text
        assert [shown.json()[key] for key in ("username", "email", "realname", "sysadmin_flag")] == [
            "alice",
            "alice@directory.test",
            "Alice",
            False,
        ]
        row = row_of(ports, "alice")
        assert row is not None
        assert (row.source, row.subject, row.password_hash) == (NAME, "id-alice", None)
        assert groups(ports) == [("team", GroupType.HTTP)]

    def test_it_is_on_record(self, client: httpx.Client, ports: Ports) -> None:
        client.get(WHO, auth=ALICE)
        with ports.db.read() as session:
            wanted = sa.select(AuditLog.operation, AuditLog.username).where(AuditLog.resource == "alice")
            assert session.execute(wanted).all() == [("create", "alice")]

    @ONE_DATABASE
    def test_by_every_door(self, app: Flask, client: httpx.Client) -> None:
        assert Browser(app).logged_in(*ALICE).who() == "alice"
        token = client.get("/service/token", params={"service": SERVICE}, auth=ALICE)
        assert token.status_code == 200
        form = {"service": SERVICE, "grant_type": "password", "username": "bob", "password": PASSWORD}
        assert client.post("/service/token", data=form).status_code == 200
        assert client.get("/v2/", auth=("bob", PASSWORD)).status_code == 200

    @pytest.mark.parametrize("seed", range(4))
    def test_many_at_once_make_one_account(self, ports: Ports, directory: Directory, seed: int) -> None:
        names = [f"person{seed}{number}" for number in range(5)]
        directory.add(*(person(name, groups=(TEAM,)) for name in names))
        doors, together = [Authenticator(ports) for _ in range(6)], threading.Barrier(6)

        def log_in(door: Authenticator) -> list[tuple[int, int]]:
            seen = []
            for name in names:
                together.wait()
                principal = door.basic(name, PASSWORD, "192.0.2.1")
                seen.append((principal.id, principal.version))
            return seen

        with ThreadPoolExecutor(len(doors)) as threads:
            seen = list(threads.map(log_in, doors))
        rows = [row_of(ports, name) for name in names]
        assert seen == [[(row.id, 1) for row in rows if row is not None]] * len(doors)
        assert groups(ports) == [("team", GroupType.HTTP)]

    @ONE_DATABASE
    def test_texts_that_cannot_be_stored(self, client: httpx.Client, directory: Directory, ports: Ports) -> None:
        directory.add(person("carol", email="no address"))
        directory.change("carol", realname="Ca\0rol" + "l" * 300)
        assert status_of(client, ("carol", PASSWORD)) == 200
        row = row_of(ports, "carol")
        assert row is not None
        assert (row.email, row.email_key, len(row.realname)) == (None, None, 255)

    @ONE_DATABASE
    def test_groups_are_bounded(
        self, client: httpx.Client, directory: Directory, ports: Ports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(onboarding, "MOST_GROUPS", 2)
        names = ("b", "a", "c", "x" * 256, "", "a\0")
        directory.change("bob", groups=tuple(SourceGroup(type=GroupType.OIDC, name=name) for name in names))
        assert status_of(client, ("bob", PASSWORD)) == 200
        assert groups(ports) == [("a", GroupType.OIDC), ("b", GroupType.OIDC)]


@pytest.mark.usefixtures("people")
class TestConflicts:
    @pytest.mark.parametrize(
        "newcomer",
        [
            person("guest", subject="another"),
            person("dave", email="GUEST@example.test"),
            person("guest@example.test"),
        ],
        ids=["name", "address", "a name that is an address"],
    )
    def test_what_belongs_to_another_account_is_refused(
        self, client: httpx.Client, app: Flask, directory: Directory, ports: Ports, newcomer: object
    ) -> None:
        directory.people["dave"] = newcomer  # type: ignore[assignment] # a Person, which pytest takes for anything
        refused = client.get(WHO, auth=("dave", PASSWORD))
        assert error_of(refused) == (403, "FORBIDDEN")
        assert "belongs to another account here" in refused.json()["errors"][0]["message"]
        assert Browser(app).log_in("dave", PASSWORD).status_code == 403
        token = client.get("/service/token", params={"service": SERVICE}, auth=("dave", PASSWORD))
        assert (token.status_code, token.json()["errors"][0]["code"]) == (403, "DENIED")
        assert (row_of(ports, "dave"), counted_failures(ports)) == (None, 0)

    @ONE_DATABASE
    @pytest.mark.parametrize(
        "changes", [{"username": "a,b"}, {"username": ""}, {"subject": ""}, {"subject": "x" * 600}], ids=str
    )
    def test_names_and_ids_that_no_account_can_have(
        self, ports: Ports, directory: Directory, changes: dict[str, str]
    ) -> None:
        directory.change("bob", **changes)
        with pytest.raises(NotOnboarded, match="identity source directory gives"):
            Authenticator(ports).basic("bob", PASSWORD, "192.0.2.1")

    def test_a_name_that_was_given_to_another_person(
        self, client: httpx.Client, directory: Directory, clock: MovableClock
    ) -> None:
        assert status_of(client, ALICE) == 200
        directory.change("alice", subject="a new alice")
        clock.forward(61)
        assert status_of(client, ALICE) == 403

    def test_an_address_that_is_taken_later_is_not_followed(
        self, client: httpx.Client, directory: Directory, clock: MovableClock, ports: Ports
    ) -> None:
        assert status_of(client, ALICE) == 200
        directory.change("alice", email="guest@example.test", realname="Alice Cooper")
        clock.forward(61)
        assert status_of(client, ALICE) == 200
        row = row_of(ports, "alice")
        assert row is not None
        assert (row.email, row.realname) == ("alice@directory.test", "Alice Cooper")
