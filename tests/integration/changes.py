"""Operations of the management API that change something, and the rows of the audit log that they leave."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from app.context import Ports
from tests.support.blobs import content_of, digest_of
from tests.support.immutability import RULES, make_rule, rule_body
from tests.support.manifests import image, push_image
from tests.support.members import MEMBERS, make_group
from tests.support.people import People
from tests.support.robots import entry, make_robot, robot_body

Row = tuple[str, str, str]
"""Operation, kind of thing and its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change, and what is written down about it; ``{id}`` in the path is what ``made`` returns."""

    method: str
    path: str
    row: Row
    body: dict[str, Any]
    made: Callable[["Scene"], int] | None = None
    by_robot: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Who and what is there."""

    admin: httpx.Client
    registry: httpx.Client
    people: People
    ports: Ports

    def robot(self, level: str) -> int:
        return make_robot(self.admin, "ci", entry("private", "repository:pull"), level=level).id

    def label(self) -> int:
        made = self.admin.post("/labels", json={"name": "stable", "scope": "g"})
        return int(made.headers["Location"].rpartition("/")[2])

    def member(self) -> int:
        return int(self.admin.get(f"{MEMBERS}?entityname=guest").json()[0]["id"])

    def rule(self) -> int:
        return make_rule(self.admin)

    def image(self) -> int:
        """Push ``private/app:1``; there is a label, too, whose id is 1."""
        push_image(self.registry, "private/app", "1")
        return self.label()

    def moved(self) -> int:
        """Move the tag of the image, and return the id of the change before."""
        self.image()
        push_image(self.registry, "private/app", "1", seed=1)
        return int(self.admin.get(f"{_APP}/tags/1/history").json()[-1]["id"])

    def labelled(self, place: str) -> int:
        label = self.image()
        self.admin.post(f"{_APP}{place}/labels", json={"id": label}).raise_for_status()
        return label


_APP = "/projects/private/repositories/app"
_FIRST = {"id": 1}
_DIGEST = digest_of(image(content_of(64)))
"""Of the image that ``Scene.image`` pushes."""
ACCOUNT = {"username": "new", "password": "Harbor12345", "email": "new@example.test", "realname": "New"}
_RULE, _OFF = f"{RULES}/{{id}}", {"id": 1, "disabled": True}
PULL = entry("private", "repository:pull")
_OLD = {"name": "old", "access": [{"resource": "/project/1/repository", "action": "pull"}]}
CHANGES = (
    Change(method="POST", path="/users", body=ACCOUNT, row=("create", "user", "new")),
    Change(
        method="PUT",
        path="/users/{id}",
        body={"email": "new@example.test"},
        row=("update", "user", "guest"),
        made=lambda scene: scene.people["guest"].id,
    ),
    Change(
        method="PUT",
        path="/users/{id}/password",
        body={"new_password": "Another12345"},
        row=("update", "user", "guest"),
        made=lambda scene: scene.people["guest"].id,
    ),
    Change(
        method="PUT",
        path="/users/{id}/sysadmin",
        body={"sysadmin_flag": True},
        row=("update", "user", "guest"),
        made=lambda scene: scene.people["guest"].id,
        by_robot=False,
    ),
    Change(
        method="DELETE",
        path="/users/{id}",
        body={},
        row=("delete", "user", "guest"),
        made=lambda scene: scene.people["guest"].id,
    ),
    Change(
        method="POST",
        path="/usergroups",
        body={"group_name": "few", "group_type": 3},
        row=("create", "user-group", "few"),
    ),
    Change(
        method="PUT",
        path="/usergroups/{id}",
        body={"group_name": "many"},
        row=("update", "user-group", "many"),
        made=lambda scene: make_group(scene.ports, "few"),
    ),
    Change(
        method="DELETE",
        path="/usergroups/{id}",
        body={},
        row=("delete", "user-group", "few"),
        made=lambda scene: make_group(scene.ports, "few"),
    ),
    Change(method="POST", path="/projects", body={"project_name": "new"}, row=("create", "project", "new")),
    Change(
        method="PUT",
        path="/projects/private",
        body={"metadata": {"auto_scan": "true"}},
        row=("update", "project", "private"),
    ),
    Change(method="DELETE", path="/projects/private", body={}, row=("delete", "project", "private")),
    Change(
        method="POST",
        path="/projects/private/metadatas/",
        body={"auto_scan": "true"},
        row=("update", "project", "private"),
    ),
    Change(
        method="PUT",
        path="/projects/private/metadatas/public",
        body={"public": "true"},
        row=("update", "project", "private"),
    ),
    Change(method="DELETE", path="/projects/private/metadatas/public", body={}, row=("update", "project", "private")),
    Change(
        method="POST",
        path=MEMBERS,
        body={"role_id": 1, "member_user": {"username": "stranger"}},
        row=("create", "member", "stranger"),
    ),
    Change(
        method="PUT",
        path=MEMBERS + "/{id}",
        body={"role_id": 1},
        row=("update", "member", "guest"),
        made=Scene.member,
    ),
    Change(method="DELETE", path=MEMBERS + "/{id}", body={}, row=("delete", "member", "guest"), made=Scene.member),
    Change(method="POST", path="/robots", body=robot_body("new", PULL), row=("create", "robot", "robot$new")),
    Change(
        method="PUT",
        path="/robots/{id}",
        body=robot_body("robot$ci", PULL),
        row=("update", "robot", "robot$ci"),
        made=lambda scene: scene.robot("system"),
        by_robot=False,
    ),
    Change(
        method="PATCH",
        path="/robots/{id}",
        body={"secret": ""},
        row=("update", "robot", "robot$ci"),
        made=lambda scene: scene.robot("system"),
        by_robot=False,
    ),
    Change(
        method="DELETE",
        path="/robots/{id}",
        body={},
        row=("delete", "robot", "robot$private+ci"),
        made=lambda scene: scene.robot("project"),
    ),
    Change(method="POST", path="/projects/private/robots", body=_OLD, row=("create", "robot", "robot$private+old")),
    Change(
        method="PUT",
        path="/projects/private/robots/{id}",
        body={"disable": True},
        row=("update", "robot", "robot$private+ci"),
        made=lambda scene: scene.robot("project"),
        by_robot=False,
    ),
    Change(
        method="DELETE",
        path="/projects/private/robots/{id}",
        body={},
        row=("delete", "robot", "robot$private+ci"),
        made=lambda scene: scene.robot("project"),
    ),
    Change(
        method="PUT",
        path="/configurations",
        body={"session_timeout": 30, "ldap_search_password": "Harbor12345", "self_registration": False},
        row=("update", "configuration", "session_timeout: 60 -> 30, ldap_search_password"),
        by_robot=False,
    ),
    Change(
        method="PUT",
        path="/system/CVEAllowlist",
        body={"items": []},
        row=("update", "configuration", "CVE allowlist"),
        by_robot=False,
    ),
    Change(
        method="POST",
        path="/labels",
        body={"name": "stable", "scope": "p", "project_id": 1},
        row=("create", "label", "stable"),
    ),
    Change(
        method="PUT",
        path="/labels/{id}",
        body={"name": "steady"},
        row=("update", "label", "steady"),
        made=lambda scene: scene.label(),
    ),
    Change(
        method="DELETE",
        path="/labels/{id}",
        body={},
        row=("delete", "label", "stable"),
        made=lambda scene: scene.label(),
    ),
    Change(method="POST", path=RULES, body=rule_body(), row=("create", "immutable-tag", "1")),
    Change(method="PUT", path=_RULE, body=_OFF, row=("update", "immutable-tag", "1"), made=lambda scene: scene.rule()),
    Change(method="DELETE", path=_RULE, body={}, row=("delete", "immutable-tag", "1"), made=lambda scene: scene.rule()),
    Change(
        method="PUT",
        path="/quotas/{id}",
        body={"hard": {"storage": 5}},
        row=("update", "quota", "private"),
        made=lambda scene: int(scene.admin.get("/projects/private").json()["project_id"]),
    ),
    Change(
        method="PUT",
        path=_APP,
        body={"description": "an app"},
        row=("update", "repository", "private/app"),
        made=Scene.image,
    ),
    Change(
        method="POST",
        path="/projects/private/repositories/copy/artifacts?from=private/app:1",
        body={},
        row=("create", "artifact", "private/copy:1"),
        made=Scene.image,
    ),
    Change(
        method="POST",
        path=f"{_APP}/artifacts/1/tags",
        body={"name": "2"},
        row=("create", "tag", "private/app:2"),
        made=Scene.image,
    ),
    Change(
        method="DELETE",
        path=f"{_APP}/artifacts/1/tags/1",
        body={},
        row=("delete", "tag", "private/app:1"),
        made=Scene.image,
    ),
    Change(
        method="POST",
        path=f"{_APP}/tags/1/history/{{id}}/restore",
        body={},
        row=("update", "tag", "private/app:1"),
        made=Scene.moved,
    ),
    Change(
        method="POST",
        path=f"{_APP}/labels",
        body=_FIRST,
        row=("create", "repository-label", "stable: private/app"),
        made=Scene.image,
    ),
    Change(
        method="DELETE",
        path=f"{_APP}/labels/{{id}}",
        body={},
        row=("delete", "repository-label", "stable: private/app"),
        made=lambda scene: scene.labelled(""),
    ),
    Change(
        method="POST",
        path=f"{_APP}/artifacts/1/labels",
        body=_FIRST,
        row=("create", "artifact-label", f"stable: private/app@{_DIGEST}"),
        made=Scene.image,
    ),
    Change(
        method="DELETE",
        path=f"{_APP}/artifacts/1/labels/{{id}}",
        body={},
        row=("delete", "artifact-label", f"stable: private/app@{_DIGEST}"),
        made=lambda scene: scene.labelled("/artifacts/1"),
    ),
)
