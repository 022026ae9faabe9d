"""Projects through the management API."""

from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.access.roles import Role
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.core.reference import RepositoryName
from app.identity.models import User
from app.projects.members import MemberService
from app.projects.models import Project
from app.projects.service import LIBRARY, ProjectService
from tests.integration.conftest import Caller
from tests.support.accounts import make_project
from tests.support.blobs import push
from tests.support.manifests import push_image
from tests.support.people import People
from tests.support.queries import counted_statements

ZERO = "0001-01-01T00:00:00.000Z"


def names(response: httpx.Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [project["name"] for project in response.json()]


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def test_a_project_is_created_and_shown(caller: Caller, people: People) -> None:
    stranger = caller("stranger")
    made = stranger.post("/projects", json={"project_name": "new", "metadata": {"public": "true", "auto_scan": "T"}})
    assert (made.status_code, made.content) == (201, b"")
    path = made.headers["Location"]
    assert path.startswith("/api/v2.0/projects/")
    project = stranger.get(path.removeprefix("/api/v2.0")).json()
    accepted = project["cve_allowlist"]
    assert accepted.pop("id") > 0
    moments = [part.pop(name) for part in (project, accepted) for name in ("creation_time", "update_time")]
    assert all(moment.endswith("Z") and len(moment) == len(ZERO) and moment != ZERO for moment in moments)
    assert project == {
        "project_id": int(path.rpartition("/")[2]),
        "owner_id": people["stranger"].id,
        "name": "new",
        "owner_name": "stranger",
        "current_user_role_id": 1,
        "current_user_role_ids": [1],
        "repo_count": 0,
        "metadata": {"public": "true", "auto_scan": "true"},
        "cve_allowlist": {"project_id": project["project_id"], "items": []},
    }


def test_the_location_may_end_with_the_name(admin: httpx.Client) -> None:
    made = admin.post("/projects", json={"project_name": "new"}, headers={"X-Resource-Name-In-Location": "true"})
    assert made.headers["Location"] == "/api/v2.0/projects/new"


@pytest.mark.parametrize(
    ("body", "public"),
    [
        ({}, "false"),
        ({"public": True}, "true"),
        ({"public": True, "metadata": {"public": "false"}}, "false"),
        ({"public": None, "metadata": None}, "false"),
        ({"metadata": {"public": "1", "unknown": "x", "retention_id": ""}}, "true"),
        ({"metadata": {"proxy_speed_kb": "-1", "max_upstream_conn": "-1", "proxy_referrer_api": "F"}}, "false"),
        ({"storage_limit": -1, "registry_id": None, "cve_allowlist": {"items": []}}, "false"),
    ],
)
def test_public_is_read_in_both_forms(admin: httpx.Client, body: dict[str, Any], public: str) -> None:
    assert admin.post("/projects", json={"project_name": "new", **body}).status_code == 201
    assert admin.get("/projects/new").json()["metadata"] == {"public": public}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"project_name": ""},
        {"project_name": "Upper"},
        {"project_name": "a..b"},
        {"project_name": "-a"},
        {"project_name": "a/b"},
        {"project_name": "a b"},
        {"project_name": "ä"},
        {"project_name": "new", "metadata": {"public": "perhaps"}},
        {"project_name": "new", "metadata": {"severity": "awful"}},
        {"project_name": "new", "metadata": {"retention_id": "3"}},
        {"project_name": "new", "metadata": {"proxy_speed_kb": "1"}},
        {"project_name": "new", "metadata": {"proxy_speed_kb": "fast"}},
        {"project_name": "new", "metadata": {"proxy_cache_filter_kind": "regex"}},
        {"project_name": "new", "registry_id": 1},
        {"project_name": "new", "storage_limit": -2},
        {"project_name": "new", "cve_allowlist": {"items": [{"cve_id": "CVE-1"}, {"cve_id": "CVE-1"}]}},
        {"project_name": "new", "cve_allowlist": {"items": [{"cve_id": " "}]}},
        {"project_name": "new", "cve_allowlist": {"project_id": 1}},
        {"project_name": "new", "cve_allowlist": {"expires_at": -1}},
    ],
)
def test_bad_projects_are_refused(admin: httpx.Client, body: dict[str, Any]) -> None:
    before = admin.get("/projects").headers["X-Total-Count"]
    assert admin.post("/projects", json=body).status_code == 400
    assert admin.get("/projects").headers["X-Total-Count"] == before


def test_a_name_over_255_is_422(admin: httpx.Client) -> None:
    assert code_of(admin.post("/projects", json={"project_name": "a" * 256})) == (422, "UNPROCESSABLE_ENTITY")
    assert admin.post("/projects", json={"project_name": "a" * 255}).status_code == 201


def test_a_taken_name_is_409(admin: httpx.Client) -> None:
    refused = admin.post("/projects", json={"project_name": "public"})
    assert code_of(refused) == (409, "CONFLICT")
    assert refused.json()["errors"][0]["message"] == "The project named public already exists"


class TestCreationByAdministratorsOnly:
    """With projects the administrators' to create."""

    @pytest.fixture
    def environment(self, environment: dict[str, str]) -> dict[str, str]:
        return {**environment, "HARBOR_PROJECT_CREATION_RESTRICTION": "adminonly"}

    def test_others_are_refused(self, caller: Caller) -> None:
        refused = caller("stranger").post("/projects", json={"project_name": "new"})
        assert code_of(refused) == (403, "FORBIDDEN")
        assert "Only system admin can create project" in refused.text
        assert caller("admin").post("/projects", json={"project_name": "new"}).status_code == 201
        assert caller("admin").get("/systeminfo").json()["project_creation_restriction"] == "adminonly"


def test_head_tells_whether_a_name_is_taken(caller: Caller) -> None:
    stranger = caller("stranger")
    assert stranger.head("/projects?project_name=private").status_code == 200
    missing = stranger.head("/projects?project_name=nothing")
    assert (missing.status_code, missing.content) == (404, b"")
    assert stranger.head("/projects").status_code == 422


@pytest.mark.parametrize(
    ("who", "query", "expected"),
    [
        (None, "", ["public"]),
        (None, "public=false", []),
        ("stranger", "", ["own", "public"]),
        ("guest", "", ["private", "public"]),
        ("guest", "public=true", ["public"]),
        ("guest", "public=false", ["private"]),
        ("guest", "name=RIV", ["private"]),
        ("guest", "name=%25", []),
        ("guest", "name=_", []),
        ("guest", "q=name%3D~ubl", ["public"]),
        ("guest", "q=name%3Dubl", []),
        ("guest", "q=public%3Dtrue", ["public"]),
        ("guest", "q=names%3D%7Bpublic%20other%7D", ["public"]),
        ("guest", "q=member%3Dguest", ["private", "public"]),
        ("guest", "q=member%3Dstranger", ["private", "public"]),
        ("admin", "q=member%3Dguest", ["private", "public"]),
        ("admin", "q=member%3Dnobody", []),
        ("guest", "owner=admin", ["private", "public"]),
        ("guest", "owner=nobody", []),
        ("guest", "sort=-name", ["public", "private"]),
        ("guest", "q=repo_count%3D%5B1~%5D", []),
        ("admin", "", ["own", "private", "public"]),
        ("admin", "q=owner%3Dstranger", ["own"]),
        ("admin", "page_size=1&page=2", ["private"]),
        ("admin", "page_size=0", ["own", "private", "public"]),
        ("stranger", "sort=creation_time", ["public", "own"]),
    ],
)
def test_who_lists_what(caller: Caller, who: str | None, query: str, expected: list[str]) -> None:
    if who in ("admin", "stranger"):
        assert caller("stranger").post("/projects", json={"project_name": "own"}).status_code == 201
    assert names(caller(who).get(f"/projects?{query}")) == expected


def test_roles_and_counters_come_with_detail_only(caller: Caller) -> None:
    (detailed,) = caller("developer").get("/projects?name=private").json()
    assert (detailed["current_user_role_id"], detailed["current_user_role_ids"]) == (2, [2])
    (plain,) = caller("developer").get("/projects?name=private&with_detail=false").json()
    assert "current_user_role_id" not in plain
    (seen,) = caller("admin").get("/projects?name=private").json()
    assert seen["current_user_role_ids"] == [1]


def test_a_page_has_its_headers(admin: httpx.Client) -> None:
    page = admin.get("/projects?page_size=1&name=p")
    assert page.headers["X-Total-Count"] == "2"
    assert page.headers["Link"] == '</api/v2.0/projects?name=p&page=2&page_size=1>; rel="next"'


def test_a_list_costs_the_same_whatever_its_length(caller: Caller, ports: Ports) -> None:
    guest = caller("guest")
    for _ in ("proves the caller", "looks at the caller's standing"):
        guest.get("/projects")
    with counted_statements(ports.db) as few:
        guest.get("/projects?page_size=100")
    for number in range(20):
        make_project(ports, f"more-{number}", public=True)
    with counted_statements(ports.db) as many:
        assert len(guest.get("/projects?page_size=100").json()) == 22
    assert len(many) == len(few)


def test_a_project_is_found_by_name_or_id(caller: Caller, ports: Ports) -> None:
    guest, number = caller("guest"), make_project(ports, "12345", public=True)
    known = guest.get("/projects/private").json()
    assert guest.get(f"/projects/{known['project_id']}").json() == known
    as_name = {"X-Is-Resource-Name": "true"}
    assert guest.get("/projects/12345").status_code == 403
    assert guest.get("/projects/12345", headers=as_name).json()["project_id"] == number
    assert guest.get(f"/projects/{'9' * 30}").status_code == 403


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("stranger", 403), ("admin", 404)])
@pytest.mark.parametrize("key", ["nothing", "777777", "-1", "%2e%2e"])
def test_a_missing_project_is_refused_by_who_asks(caller: Caller, who: str | None, status: int, key: str) -> None:
    assert caller(who).get(f"/projects/{key}").status_code == status
    assert caller(who).delete(f"/projects/{key}").status_code == status


def test_an_empty_project_is_deleted(caller: Caller, ports: Ports) -> None:
    master = caller("master")
    assert master.delete("/projects/private").status_code == 200
    assert caller("admin").get("/projects/private").status_code == 404
    with ports.db.read() as session:
        found = session.execute(
            sa.select(AuditLog.username, AuditLog.operation).where(AuditLog.resource == "private")
        ).all()
    assert ("master", "delete") in [tuple(row) for row in found]


def test_a_project_with_repositories_stays(caller: Caller, client: httpx.Client, people: People) -> None:
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    push_image(client, "private/a", "1", seed=1)
    push_image(client, "private/b", "1", seed=2)
    refused = caller("admin").delete("/projects/private")
    assert code_of(refused) == (412, "PRECONDITION")
    assert "2 repositories" in refused.text
    assert caller("admin").get("/projects/private").json()["repo_count"] == 2


def test_blobs_without_a_manifest_do_not_keep_a_project(caller: Caller, client: httpx.Client, people: People) -> None:
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    push(client, RepositoryName("private/a"), b"content")
    assert caller("admin").delete("/projects/private").status_code == 200
    assert caller("admin").post("/projects", json={"project_name": "private"}).status_code == 201


def test_a_deleted_project_stops_the_tokens_of_its_members(caller: Caller, people: People, ports: Ports) -> None:
    def version(name: str) -> int:
        with ports.db.read() as session:
            return session.execute(sa.select(User.version).where(User.username == name)).scalar_one()

    before = version("guest"), version("stranger")
    caller("admin").delete("/projects/private")
    assert (version("guest") - before[0], version("stranger") - before[1]) == (1, 0)


def test_membership_changes_stop_tokens(ctx: Context, people: People, ports: Ports) -> None:
    def version() -> int:
        with ports.db.read() as session:
            return session.execute(sa.select(User.version).where(User.id == people["stranger"].id)).scalar_one()

    before = version()
    member = MemberService(ctx).add("private", people["stranger"].id, Role.GUEST)
    assert version() == before + 1
    MemberService(ctx).remove("private", member)
    assert version() == before + 2


def test_the_library_is_made_once(ctx: Context, people: People, ports: Ports) -> None:
    made = ProjectService(ctx).ensure_library(people["admin"].id)
    assert ProjectService(ctx).ensure_library(people["admin"].id) == made
    assert (made.name, made.public) == (LIBRARY, True)
    with ports.db.read() as session:
        assert session.execute(sa.select(sa.func.count()).where(Project.name == LIBRARY)).scalar_one() == 1
