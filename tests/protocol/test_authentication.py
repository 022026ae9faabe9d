"""Who may do what on ``/v2``: each role, basic credentials, bearer tokens and their end."""

import base64
import json
import time
from datetime import timedelta

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.access.principals import SYSTEM
from app.access.roles import Role
from app.context import Context, Ports
from app.identity.key_folder import KeyFolder
from app.identity.service import UserService
from app.identity.signing import SigningKeys, rotate_signing_key
from app.projects.members import MemberService
from app.projects.service import NewProject, ProjectService
from tests.protocol.conftest import InProcess
from tests.support.accounts import Person, make_project, make_user
from tests.support.clock import MovableClock
from tests.support.people import PRIVATE, PUBLIC, People
from tests.support.tokens import REALM, bearer, challenge

DIGEST = "sha256:" + "0" * 64
PULL = ("GET", "manifests/none")
PUSH = ("POST", "blobs/uploads/")
DELETE = ("DELETE", f"manifests/{DIGEST}")
ALLOWED = {PULL: 404, PUSH: 202, DELETE: 404}
"""What a caller who may gets: there is no manifest to pull or delete."""
MAY = {
    "admin": {PULL, PUSH, DELETE},
    "master": {PULL, PUSH, DELETE},
    "maintainer": {PULL, PUSH, DELETE},
    "developer": {PULL, PUSH},
    "guest": {PULL},
    "limited": {PULL},
    "stranger": set(),
}
CASES = [
    (name, project, verb) for name in sorted(MAY) for project in (PRIVATE, PUBLIC) for verb in (PULL, PUSH, DELETE)
]

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what no database has a part in."""


def send(client: httpx.Client, verb: tuple[str, str], project: str, **options: object) -> httpx.Response:
    method, path = verb
    return client.request(method, f"/v2/{project}/image/{path}", **options)  # type: ignore[arg-type]


class TestRoles:
    def test_basic(self, client: httpx.Client, people: People) -> None:
        for name, project, verb in CASES:
            response = send(client, verb, project, auth=people[name].credentials)
            self._check(response, verb, allowed=verb in MAY[name] or (project == PUBLIC and verb == PULL))

    def test_bearer(self, client: httpx.Client, people: People) -> None:
        for name, project, verb in CASES:
            token = bearer(client, people[name], f"repository:{project}/image:pull,push,delete")
            response = send(client, verb, project, headers=token)
            self._check(response, verb, allowed=verb in MAY[name] or (project == PUBLIC and verb == PULL))

    def _check(self, response: httpx.Response, verb: tuple[str, str], *, allowed: bool) -> None:
        assert response.status_code == (ALLOWED[verb] if allowed else 403), response.text
        if not allowed:
            (error,) = response.json()["errors"]
            action = {PULL: "pull", PUSH: "push", DELETE: "delete"}[verb]
            assert error["code"] == "DENIED"
            assert "unauthorized to access repository" in error["message"]
            assert f"action: {action}" in error["message"]


class TestMissingProject:
    @pytest.mark.parametrize(("name", "status", "code"), [("stranger", 403, "DENIED"), ("admin", 404, "NAME_UNKNOWN")])
    @pytest.mark.parametrize("verb", [PULL, PUSH, ("PUT", "manifests/latest")])
    def test_by_who_asks(
        self, client: httpx.Client, people: People, name: str, status: int, code: str, verb: tuple[str, str]
    ) -> None:
        token = bearer(client, people[name], "repository:missing/image:pull,push")
        for options in ({"headers": token}, {"auth": people[name].credentials}):
            response = send(client, verb, "missing", **options)
            assert (response.status_code, response.json()["errors"][0]["code"]) == (status, code)

    def test_nobody(self, client: httpx.Client, people: People) -> None:
        token = bearer(client, None, "repository:missing/image:pull,push")
        for verb in (PULL, PUSH):
            assert 'error="insufficient_scope"' in challenge(send(client, verb, "missing", headers=token))


class TestBasic:
    @ONE
    @pytest.mark.parametrize(
        "header",
        [
            "Basic " + base64.b64encode(b"developer:wrong").decode(),
            "Basic " + base64.b64encode(b"nobody:Harbor12345").decode(),
            "Basic " + base64.b64encode(b"no colon").decode(),
            "Basic " + base64.b64encode(b"developer:").decode(),
            "Basic " + base64.b64encode(b"de\0v:x").decode(),
            "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
            "Basic not-base64!",
            "Basic ",
            "Digest username=developer",
            "nonsense",
        ],
    )
    def test_wrong_credentials(self, client: httpx.Client, in_process: InProcess, ports: Ports, header: str) -> None:
        client = in_process(client)
        make_user(ports, "developer")
        for path in ("/v2/", "/v2/public/image/manifests/latest"):
            response = client.get(path, headers={"Authorization": header})
            assert challenge(response) == 'Basic realm="harbor"'
        for path in ("/api/v2.0/users/current", "/service/token?service=harbor-registry"):
            assert client.get(path, headers={"Authorization": header}).status_code == 401
        assert client.get("/api/v2.0/projects", headers={"Authorization": header}).json() == []

    def test_a_password_changed_or_an_account_disabled_ends_remembered_credentials(
        self, client: httpx.Client, people: People, ports: Ports
    ) -> None:
        users = UserService(Context(ports, SYSTEM))
        person = people["developer"]
        assert client.get("/v2/", auth=person.credentials).status_code == 200
        users.set_password(person.id, "Another12345")
        assert client.get("/v2/", auth=person.credentials).status_code == 401
        assert client.get("/v2/", auth=(person.name, "Another12345")).status_code == 200
        users.disable(person.id)
        assert client.get("/v2/", auth=(person.name, "Another12345")).status_code == 401

    def test_guessing_is_delayed_and_success_forgives(self, client: httpx.Client, people: People) -> None:
        for _ in range(5):
            assert client.get("/v2/", auth=("guest", "wrong")).status_code == 401
        delayed = client.get("/v2/", auth=("guest", "wrong"))
        assert (delayed.status_code, delayed.json()["errors"][0]["code"]) == (429, "TOOMANYREQUESTS")
        assert delayed.headers["Retry-After"] == "1"
        assert client.get("/v2/", auth=people["guest"].credentials).status_code == 200, "the owner is not held up"
        assert client.get("/v2/", auth=people["developer"].credentials).status_code == 200
        time.sleep(1.1)
        assert client.get("/v2/", auth=people["guest"].credentials).status_code == 200
        assert client.get("/v2/", auth=("guest", "wrong")).status_code == 401

    def test_the_delay_grows(self, client: httpx.Client, people: People) -> None:
        for _ in range(5):
            client.get("/v2/", auth=("guest", "wrong"))
        time.sleep(1.1)
        assert client.get("/v2/", auth=("guest", "wrong")).status_code == 401
        assert client.get("/v2/", auth=("guest", "wrong")).headers["Retry-After"] == "2"

    def test_remembered_credentials_are_not_delayed_by_somebody_elses_guesses(
        self, client: httpx.Client, people: People
    ) -> None:
        assert client.get("/v2/", auth=people["guest"].credentials).status_code == 200
        for _ in range(6):
            client.get("/v2/", auth=("guest", "wrong"))
        assert client.get("/v2/", auth=people["guest"].credentials).status_code == 200


class TestBearer:
    def test_ping(self, client: httpx.Client, people: People) -> None:
        assert client.get("/v2/", headers=bearer(client, people["stranger"])).status_code == 200

    @ONE
    @pytest.mark.parametrize("token", ["", "x", "a.b.c", "{}.{}.{}"])
    def test_no_token_at_all(self, client: httpx.Client, in_process: InProcess, token: str) -> None:
        client = in_process(client)
        header = {"Authorization": f"Bearer {token}"}
        response = client.get("/v2/public/image/manifests/latest", headers=header)
        assert challenge(response) == f'{REALM},scope="repository:public/image:pull",error="invalid_token"'

    def test_expired(self, client: httpx.Client, people: People, clock: MovableClock) -> None:
        token = bearer(client, people["developer"], "repository:private/image:pull")
        assert send(client, PULL, PRIVATE, headers=token).status_code == 404
        clock.forward(timedelta(minutes=30).total_seconds() + 50)
        assert send(client, PULL, PRIVATE, headers=token).status_code == 404
        clock.forward(11)
        for _ in range(2):
            assert 'error="invalid_token"' in challenge(send(client, PULL, PRIVATE, headers=token))

    @ONE
    def test_forged(self, client: httpx.Client, people: People, key_folder: KeyFolder) -> None:
        genuine = bearer(client, people["guest"], "repository:private/image:pull")["Authorization"][7:]
        claims = jwt.decode(genuine, options={"verify_signature": False})
        claims["access"][0]["actions"] = ["pull", "push", "delete"]
        header = jwt.get_unverified_header(genuine)
        other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        head, _, signature = genuine.split(".")
        payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
        public = SigningKeys(key_folder).signing().private.public_key()
        confused = public.public_numbers().n.to_bytes(256, "big")
        for token in (
            jwt.encode(claims, other, algorithm="RS256", headers={"kid": header["kid"]}),
            jwt.encode(claims, other, algorithm="RS256", headers={"kid": "unknown"}),
            jwt.encode(claims, "", algorithm="none", headers={"kid": header["kid"]}),
            jwt.encode(claims, confused, algorithm="HS256", headers={"kid": header["kid"]}),
            f"{head}.{payload}.{signature}",
        ):
            response = send(client, PUSH, PRIVATE, headers={"Authorization": f"Bearer {token}"})
            assert 'error="invalid_token"' in challenge(response)

    @ONE
    @pytest.mark.parametrize(
        "claim", [{"aud": "another"}, {"iss": "another"}, {"iat": None}, {"exp": 1}, {"harbor": None}]
    )
    def test_claims_that_are_not_ours(
        self, client: httpx.Client, people: People, key_folder: KeyFolder, claim: dict[str, object]
    ) -> None:
        genuine = bearer(client, people["developer"], "repository:private/image:pull")["Authorization"][7:]
        claims = jwt.decode(genuine, options={"verify_signature": False}) | claim
        key = SigningKeys(key_folder).signing()
        kept = {name: value for name, value in claims.items() if value is not None}
        token = jwt.encode(kept, key.private, algorithm="RS256", headers={"kid": key.kid})
        response = send(client, PULL, PRIVATE, headers={"Authorization": f"Bearer {token}"})
        assert 'error="invalid_token"' in challenge(response)

    def test_narrower_than_its_holder_asks_for_a_new_one(self, client: httpx.Client, people: People) -> None:
        token = bearer(client, people["developer"], "repository:private/other:pull,push")
        for verb, actions in ((PULL, "pull"), (PUSH, "pull,push")):
            response = send(client, verb, PRIVATE, headers=token)
            expected = f'{REALM},scope="repository:private/image:{actions}",error="insufficient_scope"'
            assert challenge(response) == expected

    def test_a_mount_without_pull_on_the_source_is_an_upload(self, client: httpx.Client, people: People) -> None:
        token = bearer(client, people["developer"], "repository:private/image:pull,push")
        path = f"/v2/private/image/blobs/uploads/?mount={DIGEST}&from=missing/source"
        assert client.post(path, headers=token).status_code == 202

    def test_cancelling_an_upload_needs_push_only(self, client: httpx.Client, people: People) -> None:
        token = bearer(client, people["developer"], "repository:private/image:pull,push")
        location = send(client, PUSH, PRIVATE, headers=token).headers["Location"]
        guest = bearer(client, people["guest"], "repository:private/image:pull,push")
        assert client.delete(location, headers=guest).status_code == 403
        assert client.delete(location, headers=token).status_code == 204

    @pytest.mark.parametrize("change", ["password", "disabled", "role", "left", "project"])
    def test_revoked_within_five_seconds(
        self, client: httpx.Client, people: People, ports: Ports, clock: MovableClock, change: str
    ) -> None:
        person, ctx = people["developer"], Context(ports, SYSTEM)
        make_project(ports, "doomed", members={person: Role.DEVELOPER})
        token = bearer(client, person, "repository:private/image:pull", "repository:doomed/image:pull")
        assert send(client, PULL, PRIVATE, headers=token).status_code == 404
        self._change(change, person, ctx)
        clock.forward(5)
        assert 'error="invalid_token"' in challenge(send(client, PULL, PRIVATE, headers=token))

    def _change(self, change: str, person: Person, ctx: Context) -> None:
        match change:
            case "password":
                UserService(ctx).set_password(person.id, "Another12345")
            case "disabled":
                UserService(ctx).disable(person.id)
            case "role":
                UserService(ctx).set_sysadmin(person.id, sysadmin=True)
            case "left":
                members = MemberService(ctx)
                project = ProjectService(ctx).create(NewProject(name="joined"))
                members.remove("joined", members.add(project.id, person.id, Role.GUEST))
            case _:
                ProjectService(ctx).delete("doomed")

    def test_a_newer_token_is_not_taken_for_a_revoked_one(
        self, client: httpx.Client, people: People, ports: Ports
    ) -> None:
        person = people["stranger"]
        assert client.get("/v2/", headers=bearer(client, person)).status_code == 200
        make_project(ports, "fresh", members={person: Role.DEVELOPER})
        token = bearer(client, person, "repository:fresh/image:push")
        assert send(client, PUSH, "fresh", headers=token).status_code == 202

    @pytest.mark.parametrize("name", [None, "stranger"])
    def test_a_project_made_private_is_shut_at_once(
        self, client: httpx.Client, people: People, ports: Ports, name: str | None
    ) -> None:
        make_project(ports, "shop", public=True)
        token = bearer(client, people[name] if name else None, "repository:shop/image:pull")
        assert send(client, PULL, "shop", headers=token).status_code == 404
        ctx = Context(ports, SYSTEM)
        ProjectService(ctx).delete("shop")
        ProjectService(ctx).create(NewProject(name="shop"))
        assert 'error="insufficient_scope"' in challenge(send(client, PULL, "shop", headers=token))

    def test_rotation_keeps_the_tokens_of_the_key_before(
        self, client: httpx.Client, people: People, ports: Ports, clock: MovableClock, key_folder: KeyFolder
    ) -> None:
        before = bearer(client, people["guest"], "repository:private/image:pull")
        rotate_signing_key(key_folder, timedelta(minutes=30))
        clock.forward(5)
        after = bearer(client, people["guest"], "repository:private/image:pull")
        kids = [jwt.get_unverified_header(token["Authorization"][7:])["kid"] for token in (before, after)]
        assert kids[0] != kids[1]
        for token in (before, after):
            assert send(client, PULL, PRIVATE, headers=token).status_code == 404
