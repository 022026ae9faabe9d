"""How far a token reaches: what was asked for and is allowed, in the repository that it names, and nowhere else."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import pytest
import sqlalchemy as sa

from app.context import Ports
from app.storage.models import Blob
from tests.protocol.conftest import Connect
from tests.support.blobs import SESSIONS, digest_of, push
from tests.support.manifests import EMPTY, OCI_INDEX, OCI_MANIFEST, artifact, index, push_image, push_manifest
from tests.support.people import PRIVATE, People
from tests.support.tokens import REALM, SERVICE, bearer, challenge

HERE, SOURCE = f"{PRIVATE}/here", "public/source"
HELD = b"held by another repository"
DIGEST = digest_of(HELD)
ACTIONS = ("pull", "push", "delete")


@dataclass(frozen=True, slots=True)
class Verb:
    """A request below a repository, the action it needs, and how it is answered to whoever may."""

    method: str
    path: str
    action: str
    status: int


VERBS = (
    Verb("GET", "manifests/none", "pull", 404),
    Verb("HEAD", "manifests/none", "pull", 404),
    Verb("GET", f"blobs/{DIGEST}", "pull", 404),
    Verb("HEAD", f"blobs/{DIGEST}", "pull", 404),
    Verb("GET", "tags/list", "pull", 404),
    Verb("GET", f"referrers/{DIGEST}", "pull", 200),
    Verb("POST", "blobs/uploads/", "push", 202),
    Verb("GET", "blobs/uploads/none", "push", 404),
    Verb("PATCH", "blobs/uploads/none", "push", 404),
    Verb("PUT", f"blobs/uploads/none?digest={DIGEST}", "push", 404),
    Verb("DELETE", "blobs/uploads/none", "push", 404),
    Verb("PUT", "manifests/none", "push", 400),
    Verb("DELETE", "manifests/none", "delete", 404),
    Verb("DELETE", f"manifests/{DIGEST}", "delete", 404),
    Verb("DELETE", f"blobs/{DIGEST}", "delete", 404),
)
ASKED = ("pull", "push", "delete", "pull,push", "pull,push,delete", "*", "nothing", "")


def scope(repository: str, actions: str) -> str:
    return f"repository:{repository}:{actions}"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("asked", ASKED)
def test_each_verb_needs_its_own_action(client: httpx.Client, people: People, asked: str) -> None:
    token = bearer(client, people["maintainer"], scope(HERE, asked))
    for verb in VERBS:
        answer = client.request(verb.method, f"/v2/{HERE}/{verb.path}", headers=token)
        if asked == "*" or verb.action in asked.split(","):
            assert answer.status_code == verb.status, verb
        else:
            assert answer.status_code == 401, verb
            assert answer.headers["WWW-Authenticate"].endswith(',error="insufficient_scope"')


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_challenge_leads_to_a_token_that_does(client: httpx.Client, people: People) -> None:
    token = bearer(client, people["maintainer"], scope(HERE, "pull"))
    for verb in VERBS:
        refused = client.request(verb.method, f"/v2/{HERE}/{verb.path}", headers=token)
        if refused.status_code == 401:
            asked: list[str] = re.findall('scope="([^"]+)"', refused.headers["WWW-Authenticate"])
            token = bearer(client, people["maintainer"], scope(HERE, "pull"), *asked)
        assert client.request(verb.method, f"/v2/{HERE}/{verb.path}", headers=token).status_code == verb.status


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_asked_for_in_parts_is_granted_together(client: httpx.Client, people: People) -> None:
    parts = (scope(HERE, "pull"), f"{scope(HERE, 'push')} {scope(HERE, 'unknown,delete')}")
    token = bearer(client, people["maintainer"], *parts)
    for verb in VERBS:
        assert client.request(verb.method, f"/v2/{HERE}/{verb.path}", headers=token).status_code == verb.status


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestRefreshed:
    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return environment | {"HARBOR_IDENTITY_TOKENS": "true"}

    def test_a_refreshed_token_holds_no_more(self, client: httpx.Client, people: People) -> None:
        login = client.get(
            "/service/token",
            params={"service": SERVICE, "offline_token": "true"},
            auth=people["maintainer"].credentials,
        )
        form = {"service": SERVICE, "grant_type": "refresh_token", "refresh_token": login.json()["refresh_token"]}
        answer = client.post("/service/token", data=form | {"scope": scope(HERE, "pull")}).json()
        token = {"Authorization": f"Bearer {answer['access_token']}"}
        assert client.get(f"/v2/{HERE}/manifests/none", headers=token).status_code == 404
        assert client.post(SESSIONS.format(name=HERE), headers=token).status_code == 401
        assert client.delete(f"/v2/{HERE}/manifests/none", headers=token).status_code == 401


class TestAcrossRepositories:
    """Its holder may read the source, and pushes here; what the token says of the source decides."""

    @pytest.fixture
    def holder(self, client: httpx.Client, connect: Connect, people: People) -> Callable[..., dict[str, str]]:
        push(connect(people["maintainer"]), SOURCE, HELD)
        return lambda *scopes: bearer(client, people["developer"], scope(HERE, "pull,push"), *scopes)

    def mount(self, client: httpx.Client, token: dict[str, str], source: str | None) -> httpx.Response:
        query = {"mount": DIGEST} | ({"from": source} if source else {})
        return client.post(SESSIONS.format(name=HERE), params=query, headers=token)

    BESIDE = pytest.mark.parametrize(
        "beside", [(), (scope(SOURCE, "push"),), (scope("public/other", "pull"),), (scope("public/sourc", "*"),)]
    )

    @BESIDE
    def test_a_token_that_does_not_reach_the_source_leads_to_one_that_does(
        self, client: httpx.Client, people: People, holder: Callable[..., dict[str, str]], beside: tuple[str, ...]
    ) -> None:
        token = holder(*beside)
        answer = self.mount(client, token, SOURCE)
        both = f"{scope(HERE, 'pull,push')} {scope(SOURCE, 'pull')}"
        assert challenge(answer) == f'{REALM},scope="{both}",error="insufficient_scope"'
        assert client.get(f"/v2/{HERE}/blobs/{DIGEST}", headers=token).status_code == 404
        assert self.mount(client, bearer(client, people["developer"], both), SOURCE).status_code == 201

    @BESIDE
    def test_nor_does_it_mount_from_wherever_the_blob_is(
        self, client: httpx.Client, holder: Callable[..., dict[str, str]], beside: tuple[str, ...]
    ) -> None:
        token = holder(*beside)
        answer = self.mount(client, token, None)
        assert (answer.status_code, answer.headers["Range"]) == (202, "0-0")
        assert client.get(f"/v2/{HERE}/blobs/{DIGEST}", headers=token).status_code == 404
        sent = client.put(answer.headers["Location"], params={"digest": DIGEST}, content=HELD, headers=token)
        assert sent.status_code == 201

    @pytest.mark.parametrize("source", [SOURCE, None])
    def test_one_that_does_mounts(
        self, client: httpx.Client, holder: Callable[..., dict[str, str]], source: str | None
    ) -> None:
        token = holder(scope(SOURCE, "pull"))
        assert self.mount(client, token, source).status_code == 201
        assert client.get(f"/v2/{HERE}/blobs/{DIGEST}", headers=token).content == HELD

    @pytest.mark.parametrize("source", ["secret/app", None])
    def test_what_the_holder_may_not_read_is_in_no_token(
        self, client: httpx.Client, connect: Connect, people: People, source: str | None
    ) -> None:
        admin = connect(people["admin"])
        assert admin.post("/api/v2.0/projects", json={"project_name": "secret"}).status_code == 201
        push(admin, "secret/app", HELD)
        token = bearer(client, people["developer"], scope(HERE, "pull,push"), scope("secret/app", "pull"))
        assert self.mount(client, token, source).status_code == 202

    @pytest.mark.parametrize("source", [SOURCE, None])
    def test_credentials_mount_what_their_holder_may_read(
        self, connect: Connect, people: People, holder: object, source: str | None
    ) -> None:
        assert self.mount(connect(people["developer"]), {}, source).status_code == 201

    def test_a_digest_beside_an_empty_body_is_no_mount(
        self, client: httpx.Client, holder: Callable[..., dict[str, str]]
    ) -> None:
        token = holder(scope(SOURCE, "pull"))
        begun = client.post(SESSIONS.format(name=HERE), params={"digest": DIGEST}, headers=token)
        assert begun.status_code == 202
        ended = client.put(begun.headers["Location"], params={"digest": DIGEST}, headers=token)
        assert ended.status_code == 400
        assert client.get(f"/v2/{HERE}/blobs/{DIGEST}", headers=token).status_code == 404

    def test_a_manifest_refers_to_what_its_own_repository_holds(
        self, client: httpx.Client, connect: Connect, people: People, holder: Callable[..., dict[str, str]]
    ) -> None:
        image = push_image(connect(people["maintainer"]), SOURCE, "1")
        token = holder(scope(SOURCE, "pull"))
        for body, kind in ((image, OCI_MANIFEST), (index(image), OCI_INDEX)):
            place = f"/v2/{HERE}/manifests/1"
            answer = client.put(place, content=body, headers=token | {"Content-Type": kind})
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "MANIFEST_BLOB_UNKNOWN")

    def test_referrers_and_sessions_are_those_of_the_repository(
        self, client: httpx.Client, connect: Connect, people: People, holder: Callable[..., dict[str, str]]
    ) -> None:
        maintainer, token = connect(people["maintainer"]), holder()
        image = push_image(maintainer, SOURCE, "1")
        push(maintainer, SOURCE, EMPTY)
        push_manifest(maintainer, SOURCE, artifact(image))
        subject = digest_of(image)
        assert len(maintainer.get(f"/v2/{SOURCE}/referrers/{subject}").json()["manifests"]) == 1
        assert client.get(f"/v2/{HERE}/referrers/{subject}", headers=token).json()["manifests"] == []
        session = maintainer.post(SESSIONS.format(name=SOURCE)).headers["Location"].rpartition("/")[2]
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            place = f"/v2/{HERE}/blobs/uploads/{session}?digest={DIGEST}"
            assert client.request(method, place, headers=token).status_code == 404

    def test_a_question_with_a_token_to_pull_claims_nothing(
        self, client: httpx.Client, connect: Connect, people: People, ports: Ports
    ) -> None:
        push(connect(people["maintainer"]), HERE, HELD)
        with ports.db.write() as session:
            session.execute(sa.update(Blob).values(claimed_until=1))
        for actions, claimed in (("pull", False), ("pull,push", True)):
            token = bearer(client, people["developer"], scope(HERE, actions))
            assert client.head(f"/v2/{HERE}/blobs/{DIGEST}", headers=token).status_code == 200
            with ports.db.read() as session:
                assert (session.scalar(sa.select(Blob.claimed_until)) != 1) == claimed
