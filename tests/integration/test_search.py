"""The search: what it finds, for whom, in which order, and that its index is right after every change."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.artifacts.models import Repository
from app.context import Ports
from app.db import name_search
from app.db.database import Database
from app.projects.models import Project
from app.search.service import MOST_PROJECTS, MOST_REPOSITORIES
from tests.integration.conftest import AsRobot, Caller
from tests.support.manifests import push_image
from tests.support.members import MEMBERS
from tests.support.people import People
from tests.support.queries import counted_statements
from tests.support.robots import entry, make_robot

EVERYTHING = {"with_extensions": "true"}


def found(client: httpx.Client, text: str, **more: str) -> dict[str, Any]:
    answer = client.get("/search", params={"q": text, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def repositories(client: httpx.Client, text: str) -> list[str]:
    return [one["repository_name"] for one in found(client, text)["repository"]]


def projects(client: httpx.Client, text: str) -> list[str]:
    return [one["name"] for one in found(client, text)["project"]]


def fill(ports: Ports, project: str, names: Sequence[str]) -> None:
    """Add published repositories to a project."""
    now = ports.clock.now()
    with ports.db.write() as session:
        project_id = session.execute(sa.select(Project.id).where(Project.name == project)).scalar_one()
        common = {"project_id": project_id, "published": True, "creation_time": now, "update_time": now}
        session.execute(sa.insert(Repository), [{"name": f"{project}/{name}"} | common for name in names])


def add_projects(ports: Ports, names: Sequence[str], *, public: bool = False) -> None:
    now = ports.clock.now()
    with ports.db.write() as session:
        owner = session.execute(sa.select(sa.func.min(Project.owner_id))).scalar_one()
        common = {"owner_id": owner, "public": public, "creation_time": now, "update_time": now}
        session.execute(sa.insert(Project), [{"name": name} | common for name in names])


class TestAnswers:
    """What is found."""

    def test_its_shape_is_harbors(self, admin: httpx.Client, registry: httpx.Client) -> None:
        push_image(registry, "public/team/app", "1")
        answer = found(admin, "public")
        assert list(answer) == ["project", "repository"]
        assert answer["project"] == [admin.get("/projects/public").json()]
        project_id = answer["project"][0]["project_id"]
        assert answer["repository"] == [
            {
                "project_id": project_id,
                "project_name": "public",
                "project_public": True,
                "repository_name": "public/team/app",
                "artifact_count": 1,
            }
        ]
        push_image(registry, "private/app", "1")
        hidden = found(admin, "private/app")["repository"][0]
        assert "project_public" not in hidden
        assert found(admin, "nowhere") == {"project": [], "repository": []}

    def test_the_best_matches_come_first(self, admin: httpx.Client, ports: Ports) -> None:
        fill(ports, "public", ["nginx", "nginx-extra", "old-nginx", "team/nginx", "other"])
        fill(ports, "private", ["nginx", "a-nginx"])
        assert repositories(admin, "nginx") == [
            "private/nginx",
            "public/nginx",
            "public/nginx-extra",
            "private/a-nginx",
            "public/old-nginx",
            "public/team/nginx",
        ]
        assert repositories(admin, "public/nginx") == ["public/nginx", "public/nginx-extra"]
        assert repositories(admin, "c/ngi") == ["public/nginx", "public/nginx-extra"]
        assert repositories(admin, " NGINX-E ") == ["public/nginx-extra"]
        add_projects(ports, ["team", "a-team", "team-two"])
        assert projects(admin, "team") == ["team", "team-two", "a-team"]

    @pytest.mark.parametrize("text", ["p", "pu", "ub", "/n", "x"])
    def test_short_texts(self, admin: httpx.Client, ports: Ports, text: str) -> None:
        fill(ports, "public", ["nginx", "x"])
        names = ["public/nginx", "public/x"]
        assert sorted(repositories(admin, text)) == [name for name in names if text in name]
        assert sorted(projects(admin, text)) == [name for name in ("private", "public") if text in name]

    @pytest.mark.parametrize(
        "text",
        ["%", "_", "___", "%%%", "a%b", '"', 'pub"lic', "public*", "NEAR(a b)", "public OR private", "name:public", "-",
         "^public", "(", "{public}", "\\", "\\_", "'; DROP TABLE project; --", "é",
         "\N{FULLWIDTH LATIN SMALL LETTER P}ublic",
         "x" * 5000,          "public AND", "--", "\N{GRINNING FACE}", "+public"],
    )  # fmt: skip
    def test_wildcards_and_syntax_are_only_characters(self, admin: httpx.Client, ports: Ports, text: str) -> None:
        fill(ports, "public", ["nginx"])
        assert found(admin, text, **EVERYTHING) == {"project": [], "repository": [], "chart": [], "artifact": []}

    def test_an_underscore_stands_for_itself(self, admin: httpx.Client, ports: Ports) -> None:
        fill(ports, "public", ["some_name", "someXname".lower(), "my_some_name"])
        assert repositories(admin, "some_n") == ["public/some_name", "public/my_some_name"]

    @pytest.mark.parametrize("query", ["", "q=", "Q=public"])
    def test_something_must_be_asked(self, anonymous: httpx.Client, query: str) -> None:
        answer = anonymous.get(f"/search?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "UNPROCESSABLE_ENTITY")

    def test_it_is_bounded(self, admin: httpx.Client, ports: Ports) -> None:
        fill(ports, "public", [f"app-{number:03}" for number in range(MOST_REPOSITORIES + 5)])
        add_projects(ports, [f"app-{number:03}" for number in range(MOST_PROJECTS + 5)])
        answer = found(admin, "app")
        assert [one["repository_name"] for one in answer["repository"]] == [
            f"public/app-{number:03}" for number in range(MOST_REPOSITORIES)
        ]
        assert len(answer["project"]) == MOST_PROJECTS

    def test_what_nobody_pushed_is_not_shown(self, admin: httpx.Client, ports: Ports) -> None:
        fill(ports, "public", ["seen"])
        with ports.db.write() as session:
            session.execute(sa.update(Repository).values(published=False))
        assert repositories(admin, "seen") == repositories(admin, "se") == []


class TestRights:
    """Who finds what."""

    @pytest.fixture(autouse=True)
    def _stock(self, ports: Ports, people: People) -> None:
        fill(ports, "private", ["app"])
        fill(ports, "public", ["app"])
        add_projects(ports, ["propped"])
        fill(ports, "propped", ["app"])

    @pytest.mark.parametrize("text", ["app", "ap", "p"])
    def test_people(self, caller: Caller, text: str) -> None:
        for name in (None, "stranger"):
            assert repositories(caller(name), text) == ["public/app"]
        for name in ("limited", "guest", "developer", "maintainer", "master"):
            assert repositories(caller(name), text) == ["private/app", "public/app"]
        assert sorted(repositories(caller("admin"), text)) == ["private/app", "propped/app", "public/app"]

    def test_projects(self, caller: Caller) -> None:
        assert projects(caller(None), "p") == projects(caller("stranger"), "pub") == ["public"]
        assert projects(caller("guest"), "p") == ["private", "public"]
        assert projects(caller("admin"), "p") == ["private", "propped", "public"]
        roles = {one["name"]: one.get("current_user_role_id") for one in found(caller("guest"), "p")["project"]}
        assert roles == {"private": 3, "public": 3}

    @pytest.mark.parametrize(
        ("namespace", "seen"),
        [("private", ["private/app", "public/app"]), ("*", ["private/app", "propped/app", "public/app"])],
    )
    def test_robots(self, admin: httpx.Client, as_robot: AsRobot, namespace: str, seen: list[str]) -> None:
        robot = as_robot(make_robot(admin, "ci", entry(namespace, "repository:list")))
        assert repositories(robot, "app") == seen

    @pytest.mark.parametrize(
        "held", [("private", "repository:pull"), ("private", "label:list"), ("/", "project:list"), ("*", "label:list")]
    )
    def test_robots_without_the_right_to_list(
        self, admin: httpx.Client, as_robot: AsRobot, held: tuple[str, str]
    ) -> None:
        robot = as_robot(make_robot(admin, "ci", entry(*held)))
        for text in ("app", "ap", "private/app"):
            assert repositories(robot, text) == [name for name in ["public/app"] if text in name]
        assert [one["name"] for one in robot.get("/repositories").json()] == ["public/app"]

    def test_the_rights_are_those_of_this_moment(self, caller: Caller, admin: httpx.Client, people: People) -> None:
        body = {"role_id": 5, "member_user": {"user_id": people["stranger"].id}}
        location = admin.post(MEMBERS, json=body).headers["Location"]
        assert repositories(caller("stranger"), "app") == ["private/app", "public/app"]
        admin.delete(location.removeprefix("/api/v2.0"))
        assert repositories(caller("stranger"), "app") == ["public/app"]
        admin.put("/projects/propped", json={"metadata": {"public": "true"}})
        assert repositories(caller(None), "app") == ["propped/app", "public/app"]

    @pytest.mark.parametrize("text", ["app", "ap"])
    def test_few_visible_ones_among_many_matches(
        self, caller: Caller, ports: Ports, monkeypatch: pytest.MonkeyPatch, text: str
    ) -> None:
        monkeypatch.setattr(name_search, "MOST_EXAMINED", 20)
        fill(ports, "propped", [f"app-{number:03}" for number in range(60)])
        fill(ports, "public", ["app-zzz", "zz-app"])
        assert repositories(caller(None), text) == ["public/app", "public/app-zzz", "public/zz-app"]
        add_projects(ports, [f"app-{number:03}" for number in range(60)])
        add_projects(ports, ["zz-app"], public=True)
        assert projects(caller("stranger"), text) == ["zz-app"]


class TestIndex:
    """The index is right after every change that the product makes."""

    def test_pushes_and_deletions(self, admin: httpx.Client, registry: httpx.Client, database: Database) -> None:
        for name in ("one", "two"):
            admin.post("/projects", json={"project_name": f"made-{name}"})
            push_image(registry, f"made-{name}/service/{name}", "1")
        assert projects(admin, "ade-") == ["made-one", "made-two"]
        assert repositories(admin, "ervice") == ["made-one/service/one", "made-two/service/two"]
        assert admin.delete("/projects/made-one/repositories/service%252Fone").status_code == 200
        assert repositories(admin, "ervice") == ["made-two/service/two"]
        assert admin.delete("/projects/made-one").status_code == 200
        assert projects(admin, "ade-") == ["made-two"]
        push_image(registry, "made-two/service/two", "2", seed=2)
        push_image(registry, "made-two/service/three", "1")
        assert repositories(admin, "ervice") == ["made-two/service/three", "made-two/service/two"]
        require_sound(database)

    def test_a_changed_name_in_one_statement(self, admin: httpx.Client, ports: Ports) -> None:
        fill(ports, "public", ["before-this"])
        with ports.db.write() as session:
            session.execute(sa.text("UPDATE repository SET name = 'public/after-that', path = 'after-that'"))
            session.execute(sa.text("UPDATE project SET name = 'opened' WHERE name = 'public'"))
        assert repositories(admin, "fore-thi") == projects(admin, "ubli") == []
        assert (repositories(admin, "fter-tha"), projects(admin, "pene")) == (["public/after-that"], ["opened"])
        require_sound(ports.db)

    def test_what_is_rolled_back_is_not_there(self, admin: httpx.Client, ports: Ports) -> None:
        now = ports.clock.now()
        row = {"name": "never-there", "owner_id": 1, "creation_time": now, "update_time": now}
        with ports.db.write() as session:
            session.execute(sa.insert(Project), [row])
            session.rollback()
        assert projects(admin, "never-there") == projects(admin, "ever-the") == []
        require_sound(ports.db)


def require_sound(database: Database) -> None:
    """SQLite's own check of the full-text tables against the tables that they are of; raises."""
    if database.sqlite:
        with database.write() as session:
            for table in ("search_project", "search_repository"):
                check = sa.table(table, sa.column(table), sa.column("rank"))
                session.execute(sa.insert(check).values({table: "integrity-check", "rank": 1}))


class TestSpeed:
    """Constant numbers of statements that read by index."""

    @pytest.mark.parametrize("name", [None, "guest", "admin"])
    def test_the_number_of_statements(self, caller: Caller, ports: Ports, name: str | None) -> None:
        client = caller(name)
        counts = []
        for size in (3, 90):
            fill(ports, "public", [f"app-{size}-{number:03}" for number in range(size)])
            add_projects(ports, [f"app-{size}-{number:03}" for number in range(size)], public=True)
            found(client, "app", **EVERYTHING)
            with counted_statements(ports.db) as statements:
                found(client, "app", **EVERYTHING)
            counts.append(len(statements))
        assert counts[0] == counts[1] <= 9
