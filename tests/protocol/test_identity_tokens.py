"""Identity tokens, which ``docker login`` keeps instead of a password where the configuration gives any."""

import httpx
import pytest
import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.access.roles import Role
from app.context import Context, Ports
from app.identity.service import UserService
from app.projects.members import MemberService
from tests.protocol.test_token import claims, granted, post
from tests.support.accounts import PASSWORD
from tests.support.clock import MovableClock
from tests.support.people import PRIVATE, People
from tests.support.tokens import ask


@pytest.fixture
def environment(environment: dict[str, str]) -> dict[str, str]:
    """An installation that gives identity tokens."""
    return environment | {"HARBOR_IDENTITY_TOKENS": "true"}


class TestRefreshTokens:
    def _login(self, client: httpx.Client, people: People, name: str = "developer") -> str:
        response = ask(client, people[name], offline_token="true")
        return str(response.json()["refresh_token"])

    def _refresh(self, client: httpx.Client, token: str) -> httpx.Response:
        scope = "repository:private/image:pull,push"
        return post(client, grant_type="refresh_token", refresh_token=token, scope=scope)

    def test_by_get_and_by_post(self, client: httpx.Client, people: People) -> None:
        form = {"grant_type": "password", "username": "developer", "password": PASSWORD, "access_type": "offline"}
        for token in (self._login(client, people), post(client, **form).json()["refresh_token"]):
            response = self._refresh(client, token)
            assert granted(response) == {"private/image": ["pull", "push"]}
            assert claims(response)["sub"] == "developer"
            assert "refresh_token" not in response.json()

    def test_outlives_a_change_of_membership_and_follows_it(
        self, client: httpx.Client, people: People, ports: Ports
    ) -> None:
        token = self._login(client, people, "stranger")
        assert granted(self._refresh(client, token)) == {"private/image": []}
        MemberService(Context(ports, SYSTEM)).add(PRIVATE, people["stranger"].id, Role.GUEST)
        assert granted(self._refresh(client, token)) == {"private/image": ["pull"]}

    @pytest.mark.parametrize("end", ["password", "disabled"])
    def test_ends_with_the_password_and_the_account(
        self, client: httpx.Client, people: People, ports: Ports, end: str
    ) -> None:
        token = self._login(client, people)
        users = UserService(Context(ports, SYSTEM))
        if end == "password":
            users.set_password(people["developer"].id, "Another12345")
        else:
            users.disable(people["developer"].id)
            users.disable(people["developer"].id, disabled=False)
        assert self._refresh(client, token).status_code == 401

    def test_ends_unused_and_is_prolonged_by_use(
        self, client: httpx.Client, people: People, clock: MovableClock
    ) -> None:
        days = 24 * 3600.0
        token = self._login(client, people)
        clock.forward(60 * days)
        assert self._refresh(client, token).status_code == 200
        clock.forward(60 * days)
        assert self._refresh(client, token).status_code == 200
        clock.forward(91 * days)
        assert self._refresh(client, token).status_code == 401

    def test_is_no_registry_token_and_stored_as_a_hash(
        self, client: httpx.Client, people: People, ports: Ports
    ) -> None:
        token = self._login(client, people)
        assert client.get("/v2/", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        with ports.db.read() as session:
            stored = session.execute(sa.text("SELECT token_hash FROM refresh_token")).scalars().all()
        assert token not in stored


class TestByDefault:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        """An installation of which nothing is said."""
        return {name: value for name, value in environment.items() if name != "HARBOR_IDENTITY_TOKENS"}

    def test_none_is_given(self, client: httpx.Client, people: People) -> None:
        form = {"grant_type": "password", "username": "developer", "password": PASSWORD, "access_type": "offline"}
        for answer in (ask(client, people["developer"], offline_token="true"), post(client, **form)):
            assert claims(answer)["sub"] == "developer"
            assert "refresh_token" not in answer.json()
