"""Robots for the tests, made through the management API."""

from dataclasses import dataclass
from typing import Any

import httpx
import jwt

from app.access.roles import Role
from app.access.table import PROJECT_ROLES, ROBOT_PROJECT

_VERBS = {
    "pull": ("GET", "manifests/none"),
    "push": ("POST", "blobs/uploads/"),
    "delete": ("DELETE", "manifests/sha256:" + "0" * 64),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeRobot:
    """A robot; ``credentials`` is what httpx takes as ``auth``."""

    id: int
    name: str
    secret: str

    @property
    def credentials(self) -> tuple[str, str]:
        """Full name and secret."""
        return self.name, self.secret


def entry(namespace: str, *rights: str) -> dict[str, Any]:
    """A permission; rights are written ``repository:push``."""
    access = [dict(zip(("resource", "action"), right.split(":"), strict=True)) for right in rights]
    return {"kind": "system" if namespace == "/" else "project", "namespace": namespace, "access": access}


def robot_body(name: str, *entries: dict[str, Any], level: str = "system", **also: object) -> dict[str, Any]:
    """The body that makes such a robot, without an end unless ``duration`` is among ``also``."""
    return {"name": name, "level": level, "permissions": list(entries), "duration": -1, **also}


def make_robot(
    client: httpx.Client, name: str, *entries: dict[str, Any], level: str = "system", **also: object
) -> MadeRobot:
    """Make a robot in the name of the client; its base URL is the management API's."""
    made = client.post("/robots", json=robot_body(name, *entries, level=level, **also))
    assert made.status_code == 201, made.text
    body = made.json()
    return MadeRobot(id=body["id"], name=body["name"], secret=body["secret"])


def granted(response: httpx.Response) -> dict[str, list[str]]:
    """What the token of an answer of the token service allows, by name."""
    claims = jwt.decode(response.json()["token"], options={"verify_signature": False})
    return {each["name"]: each["actions"] for each in claims["access"]}


def may(client: httpx.Client, project: str, **options: object) -> set[str]:
    """What the caller may do to a repository of the project: the verbs that are not refused with 401 or 403."""
    done = {
        verb: client.request(method, f"/v2/{project}/image/{path}", **options).status_code  # type: ignore[arg-type]
        for verb, (method, path) in _VERBS.items()
    }
    return {verb for verb, status in done.items() if status not in (401, 403)}


def change_robot(admin: httpx.Client, robot: MadeRobot, **changes: object) -> httpx.Response:
    """Change a robot in the name of a client whose base URL is the management API's."""
    return admin.put(f"/robots/{robot.id}", json=admin.get(f"/robots/{robot.id}").json() | changes)


def rights_of(role: Role) -> list[str]:
    """What the role holds and robots can be granted, as ``entry`` takes it."""
    return [
        f"{resource}:{action}"
        for (resource, action), holders in PROJECT_ROLES.items()
        if role in holders and action in ROBOT_PROJECT.get(resource, ())
    ]
